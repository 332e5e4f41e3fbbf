//! Enums of words of the wire, to which the service may add.

/// Declares an enum of known words with a last variant for all others.
///
/// Known words are read in any case and written as the service writes them; others stay as they are.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)+
            /// A word that this version does not know.
            Other(String),
        }

        impl $name {
            /// The word as the service writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                $(if word.eq_ignore_ascii_case($word) {
                    return Self::$variant;
                })+
                Self::Other(word.to_owned())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Ok(Self::from(word.as_ref()))
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use crate::models::VectorIndexType;

    #[test]
    fn known_words_are_read_in_any_case_and_others_survive() {
        for (json, expected, written) in [
            ("\"flat\"", VectorIndexType::Flat, "\"flat\""),
            ("\"DiskANN\"", VectorIndexType::DiskAnn, "\"diskANN\""),
            ("\"Tree\"", VectorIndexType::Other("Tree".into()), "\"Tree\""),
        ] {
            let kind: VectorIndexType = serde_json::from_str(json).unwrap();
            assert_eq!(kind, expected);
            assert_eq!(serde_json::to_string(&kind).unwrap(), written);
        }
        assert!(serde_json::from_str::<VectorIndexType>("1").is_err());
        assert_eq!(VectorIndexType::QuantizedFlat.to_string(), "quantizedFlat");
    }
}
