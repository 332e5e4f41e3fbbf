//! The two Murmur3 hashes that the service places keys by.

/// The 32-bit hash of the x86 family, which hash version 1 uses.
pub(crate) fn x86_32(data: &[u8], seed: u32) -> u32 {
    let (blocks, tail) = data.as_chunks::<4>();
    let mut hash = seed;
    for block in blocks {
        hash ^= mix_32(u32::from_le_bytes(*block));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        let mut block = [0; 4];
        block[..tail.len()].copy_from_slice(tail);
        hash ^= mix_32(u32::from_le_bytes(block));
    }
    // The algorithm counts lengths in 32 bits and lets longer ones wrap.
    finish_32(hash ^ data.len() as u32)
}

fn mix_32(block: u32) -> u32 {
    block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

fn finish_32(mut hash: u32) -> u32 {
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// The 128-bit hash of the x64 family as its low and high half, which hash version 2 and DISTINCT use.
///
/// The seed has the same two halves.
pub(crate) fn x64_128(data: &[u8], seed: (u64, u64)) -> (u64, u64) {
    let (blocks, tail) = data.as_chunks::<16>();
    let (mut low, mut high) = seed;
    for block in blocks {
        let (first, second) = halves(block);
        low ^= mix_low(first);
        low = low.rotate_left(27).wrapping_add(high).wrapping_mul(5).wrapping_add(0x52dc_e729);
        high ^= mix_high(second);
        high = high.rotate_left(31).wrapping_add(low).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    if !tail.is_empty() {
        let mut block = [0; 16];
        block[..tail.len()].copy_from_slice(tail);
        let (first, second) = halves(&block);
        low ^= mix_low(first);
        high ^= mix_high(second);
    }
    let length = data.len() as u64;
    low ^= length;
    high ^= length;
    low = low.wrapping_add(high);
    high = high.wrapping_add(low);
    low = finish_64(low);
    high = finish_64(high);
    low = low.wrapping_add(high);
    (low, high.wrapping_add(low))
}

fn halves(block: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*block);
    (both as u64, (both >> 64) as u64)
}

fn mix_low(block: u64) -> u64 {
    block.wrapping_mul(LOW_FACTOR).rotate_left(31).wrapping_mul(HIGH_FACTOR)
}

fn mix_high(block: u64) -> u64 {
    block.wrapping_mul(HIGH_FACTOR).rotate_left(33).wrapping_mul(LOW_FACTOR)
}

const LOW_FACTOR: u64 = 0x87c3_7b91_1142_53d5;
const HIGH_FACTOR: u64 = 0x4cf5_ad43_2745_937f;

fn finish_64(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Vector {
        r#fn: String,
        seed: u32,
        input_hex: String,
        hash: Option<u32>,
        low: Option<String>,
        high: Option<String>,
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn hashes_agree_with_known_ones() {
        let vectors: Vec<Vector> =
            serde_json::from_str(include_str!("../../tests/data/murmur3.json")).unwrap();
        for vector in vectors {
            let data = bytes(&vector.input_hex);
            if vector.r#fn == "murmur3_x86_32" {
                assert_eq!(Some(x86_32(&data, vector.seed)), vector.hash, "{}", vector.input_hex);
            } else {
                let expected =
                    (vector.low.unwrap().parse().unwrap(), vector.high.unwrap().parse().unwrap());
                assert_eq!(x64_128(&data, (0, 0)), expected, "{}", vector.input_hex);
            }
        }
    }

    #[test]
    fn both_halves_of_the_seed_count() {
        let hashes = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|seed| x64_128(b"seed", seed));
        for (index, hash) in hashes.iter().enumerate() {
            assert!(!hashes[index + 1..].contains(hash));
        }
    }
}
