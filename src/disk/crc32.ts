/** CRC-32 as GPT and LVM use it; zlib.crc32 is younger than the oldest Node.js that runs this. */

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The register after `bytes`, without inversion. */
export function crcRegister(bytes: Uint8Array, initial: number): number {
  let register = initial;
  for (const byte of bytes) register = (register >>> 8) ^ (TABLE[(register ^ byte) & 0xff] ?? 0);
  return register >>> 0;
}

export function crc32(bytes: Uint8Array): number {
  return ~crcRegister(bytes, 0xffffffff) >>> 0;
}
