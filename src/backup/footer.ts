/**
 * The end of a backup: the digest of the tar archive that is compressed before it, in a frame which zstd and tar skip
 * (RFC 8878, 3.1.2). It is the backup's identity, and can be read without reading what is before it.
 */
import type { FileHandle } from 'node:fs/promises';

export interface Footer {
  /** `sha256:…` of the archive, not compressed. */
  readonly digest: string;
  /** Its length. */
  readonly bytes: number;
}

const MAGIC = 0x184d2a5c;
const TEXT = /^cella-backup 1 (sha256:[0-9a-f]{64}) (\d{20})\n$/;

export const FOOTER_LENGTH = 8 + 'cella-backup 1 '.length + 'sha256:'.length + 64 + 1 + 20 + 1;

export function formatFooter({ digest, bytes }: Footer): Buffer {
  const text = Buffer.from(`cella-backup 1 ${digest} ${String(bytes).padStart(20, '0')}\n`);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(MAGIC, 0);
  head.writeUInt32LE(text.length, 4);
  return Buffer.concat([head, text]);
}

/** `tail`: the last bytes of a file; undefined: no backup of ours ends like that. */
export function parseFooter(tail: Uint8Array): Footer | undefined {
  if (tail.byteLength !== FOOTER_LENGTH) return undefined;
  const bytes = Buffer.from(tail.buffer, tail.byteOffset, tail.byteLength);
  if (bytes.readUInt32LE(0) !== MAGIC || bytes.readUInt32LE(4) !== FOOTER_LENGTH - 8) return undefined;
  const match = TEXT.exec(bytes.toString('latin1', 8));
  const [, digest, length] = match ?? [];
  return digest !== undefined && Number.isSafeInteger(Number(length))
    ? { digest, bytes: Number(length) }
    : undefined;
}

export async function readFooter(file: FileHandle): Promise<Footer | undefined> {
  const { size } = await file.stat();
  if (size < FOOTER_LENGTH) return undefined;
  const { buffer, bytesRead } = await file.read({
    buffer: Buffer.alloc(FOOTER_LENGTH),
    position: size - FOOTER_LENGTH,
  });
  return parseFooter(buffer.subarray(0, bytesRead));
}
