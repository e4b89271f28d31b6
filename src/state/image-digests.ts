/** Digests of the images of a dump: CRIU believes what it reads. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync } from 'node:fs';

/** SHA-256 in hexadecimal, by name. */
export type Digests = Readonly<Record<string, string>>;

const CHUNK = 1 << 20;

/** Of all images in a directory; logs beside them are nobody's concern. */
export async function digestImages(directory: string): Promise<Digests> {
  const digests: Record<string, string> = {};
  for (const name of readdirSync(directory).sort())
    if (name.endsWith('.img')) digests[name] = await digestFile(`${directory}/${name}`);
  return digests;
}

/** The first image that is not as it was written, or not there; undefined: all are. */
export async function findDamaged(directory: string, digests: Digests): Promise<string | undefined> {
  for (const [name, digest] of Object.entries(digests)) {
    const path = `${directory}/${name}`;
    if (!existsSync(path) || (await digestFile(path)) !== digest) return path;
  }
  return undefined;
}

async function digestFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
