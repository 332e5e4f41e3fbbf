//! The functions on strings.

use crate::emulator::sql::functions::tests::check;

#[test]
fn strings_are_compared_with_or_without_case() {
    check(&[
        (r#"CONTAINS("abc", "ab")"#, "true"),
        (r#"CONTAINS("abc", "d")"#, "false"),
        (r#"CONTAINS("abc", "")"#, "true"),
        (r#"CONTAINS("abc", "BC", true)"#, "true"),
        (r#"CONTAINS("abc", "BC", false)"#, "false"),
        (r#"CONTAINS("abc", "BC", 1)"#, "undefined"),
        (r#"CONTAINS("abc", 1)"#, "undefined"),
        (r#"STARTSWITH("abc", "AB", true)"#, "true"),
        (r#"STARTSWITH("abc", "b")"#, "false"),
        (r#"ENDSWITH("abc", "bc")"#, "true"),
        (r#"ENDSWITH("test Document", "document", true)"#, "true"),
        (r#"StringEquals("AdventureWorks", "adventureworks")"#, "false"),
        (r#"StringEquals("AdventureWorks", "adventureworks", true)"#, "true"),
        (r#"StringEquals("ÄÖ", "äö", true)"#, "true"),
        (r#"StringEquals("a", undefined)"#, "undefined"),
    ]);
}

#[test]
fn several_terms_are_looked_for_in_three_valued_logic() {
    for (terms, all, any) in [
        (r#""have", "nice", "day!""#, ["true", "false"], ["true", "true"]),
        (r#""HAVE", "NICE", "DAY!""#, ["true", "false"], ["true", "false"]),
        (r#""had", "nice", "day!""#, ["false", "false"], ["true", "true"]),
        (r#"undefined, "nice", "day!""#, ["undefined", "undefined"], ["true", "true"]),
        (r#"undefined, "had""#, ["false", "false"], ["undefined", "undefined"]),
    ] {
        for (index, case) in ["CI", "CS"].iter().enumerate() {
            let call = |kind| format!("CONTAINS_{kind}_{case}(\"Have a nice day!\", {terms})");
            if *case == "CS" && terms.starts_with("\"have") {
                check(&[(&call("ALL"), "false"), (&call("ANY"), "true")]);
            } else {
                check(&[(&call("ALL"), all[index]), (&call("ANY"), any[index])]);
            }
        }
    }
    check(&[(r#"CONTAINS_ANY_CI(1, "a")"#, "undefined")]);
}

#[test]
fn positions_count_code_points() {
    check(&[
        (r#"LENGTH("日本🚀")"#, "3"),
        ("LENGTH(null)", "undefined"),
        (r#"INDEX_OF("AdventureWorks", "A")"#, "0"),
        (r#"INDEX_OF("AdventureWorks", "Works", 5)"#, "9"),
        (r#"INDEX_OF("AdventureWorks", "Adventure", 5)"#, "-1"),
        (r#"INDEX_OF("AdventureWorks", "aD")"#, "-1"),
        (r#"INDEX_OF("🚀🚀x", "x")"#, "2"),
        (r#"INDEX_OF("🚀🚀x", "x", 2)"#, "2"),
        (r#"INDEX_OF("abc", "c", 4)"#, "-1"),
        (r#"INDEX_OF("abc", "a", -1)"#, "0"),
        (r#"INDEX_OF("abc", "", 3)"#, "3"),
        (r#"INDEX_OF("abc", "a", 0.5)"#, "undefined"),
        (r#"LastIndexOf("abcdeabc", "abc")"#, "5"),
        (r#"LastIndexOf("abcdeabc", "abc", 6)"#, "0"),
        (r#"LastIndexOf("abcdeabc", "abc", 7)"#, "5"),
        (r#"LastIndexOf("abcdeabc", "abc", 9223372036854775807)"#, "5"),
        (r#"LastIndexOf("abcdeabc", "fg")"#, "-1"),
        (r#"LastIndexOf("🚀🚀x", "x")"#, "2"),
        (r#"LastIndexOf("abc", "a", -1)"#, "-1"),
    ]);
}

#[test]
fn parts_of_strings_are_clamped() {
    check(&[
        (r#"SUBSTRING("AdventureWorks", 9, 5)"#, r#""Works""#),
        (r#"SUBSTRING("AdventureWorks", 0, 9223372036854775807)"#, r#""AdventureWorks""#),
        (r#"SUBSTRING("AdventureWorks", 0, -1)"#, r#""""#),
        (r#"SUBSTRING("Hello", -3, 5)"#, r#""""#),
        (r#"SUBSTRING("Hello", 5, 1)"#, r#""""#),
        (r#"SUBSTRING("Hello", 0.5, 1)"#, "undefined"),
        (r#"SUBSTRING("日本語", 0, 2)"#, r#""日本""#),
        (r#"LEFT("Hello", -3)"#, r#""""#),
        (r#"LEFT("Hello", 2)"#, r#""He""#),
        (r#"LEFT("Hello", 6)"#, r#""Hello""#),
        (r#"RIGHT("Hello", -3)"#, r#""""#),
        (r#"RIGHT("Hello", 2)"#, r#""lo""#),
        (r#"RIGHT("Hello", 6)"#, r#""Hello""#),
        (r#"RIGHT("Hello", -9223372036854775808)"#, r#""""#),
        (r#"SubstringBefore("a/b/c", "/")"#, r#""a""#),
        (r#"SubstringAfter("a/b/c", "/")"#, r#""b/c""#),
        (r#"LastSubstringBefore("a/b/c", "/")"#, r#""a/b""#),
        (r#"LastSubstringAfter("a/b/c", "/")"#, r#""c""#),
        (r#"SubstringAfter("abc", "/")"#, "undefined"),
    ]);
}

#[test]
fn strings_are_changed() {
    check(&[
        (r#"CONCAT("abc", "def", "g")"#, r#""abcdefg""#),
        (r#"CONCAT("abc", 1)"#, "undefined"),
        (r#"LOWER("ADVENTURE_WORKS")"#, r#""adventure_works""#),
        (r#"UPPER("adventureWorks")"#, r#""ADVENTUREWORKS""#),
        (r#"REVERSE("Abc")"#, r#""cbA""#),
        (r#"REPLACE("This is a Test", "Test", "desk")"#, r#""This is a desk""#),
        (r#"REPLACE("abc", "", "x")"#, "undefined"),
        (r#"REPLICATE("a", 3)"#, r#""aaa""#),
        (r#"REPLICATE("Hello", 1.5)"#, r#""Hello""#),
        (r#"REPLICATE("Hello", 0)"#, r#""""#),
        (r#"REPLICATE("Hello", -1)"#, "undefined"),
        (r#"REPLICATE("Hello", 10000)"#, "undefined"),
        (r#"REPLICATE("", 1e300)"#, r#""""#),
        (r#"REPLICATE("ab", 9223372036854775807)"#, "undefined"),
    ]);
}

#[test]
fn ends_are_trimmed_of_white_space_or_a_set_of_characters() {
    check(&[
        (r#"LTRIM("  AdventureWorks  ")"#, r#""AdventureWorks  ""#),
        (r#"LTRIM("AdventureWorks", "Adventure")"#, r#""Works""#),
        (r#"LTRIM("AdventureWorks", "Works")"#, r#""AdventureWorks""#),
        (r#"LTRIM("AdventureWorks", "AdventureWorks")"#, r#""""#),
        (r#"LTRIM("AdventureWorks", "")"#, r#""AdventureWorks""#),
        (r#"RTRIM("  AdventureWorks  ")"#, r#""  AdventureWorks""#),
        (r#"RTRIM("AdventureWorks", "Works")"#, r#""Adventure""#),
        (r#"TRIM("-_-AdventureWorks-_-", "-_")"#, r#""AdventureWorks""#),
        (r#"TRIM("-- AdventureWorks --", "-")"#, r#"" AdventureWorks ""#),
        (r#"TRIM("---AdventureWorks---")"#, r#""---AdventureWorks---""#),
        (r#"TRIM(" a ", undefined)"#, "undefined"),
    ]);
}

#[test]
fn strings_are_joined_and_split() {
    check(&[
        (r#"StringJoin(["Iropa", "Mountain", "Bike"], " ")"#, r#""Iropa Mountain Bike""#),
        (r#"StringJoin(["6", "7"], "A")"#, r#""6A7""#),
        (r#"StringJoin([], ",")"#, r#""""#),
        (r#"StringJoin(["a", 1], ",")"#, "undefined"),
        (r#"StringJoin(["a"], undefined)"#, "undefined"),
        (r#"StringSplit("Handlebar", "e")"#, r#"["Handl","bar"]"#),
        (r#"StringSplit("xenmoun mountain bike", "moun")"#, r#"["xen"," ","tain bike"]"#),
        (r#"StringSplit("Helmet", "")"#, r#"["Helmet"]"#),
        (r#"StringSplit("", "")"#, r#"[""]"#),
        (r#"StringSplit("Helmet", undefined)"#, "undefined"),
    ]);
}
