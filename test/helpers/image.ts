/** Images made by tests: a layout's directory, its archive, and what `docker save` writes. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { machine } from 'node:os';
import { gzipSync } from 'node:zlib';

export const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

export interface ImageSpec {
  /** Uncompressed, lowest first. */
  readonly layers: readonly Buffer[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly architecture?: string;
}

export const OURS = machine() === 'aarch64' ? 'arm64' : 'amd64';
export const THEIRS = OURS === 'amd64' ? 'arm64' : 'amd64';

/** By path below the image's directory. */
export type Files = Map<string, Buffer>;

function addBlob(files: Files, bytes: Buffer): { digest: string; size: number } {
  files.set(`blobs/sha256/${sha256(bytes)}`, bytes);
  return { digest: `sha256:${sha256(bytes)}`, size: bytes.length };
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

function configuration({ layers, config = {}, architecture = OURS }: ImageSpec): Buffer {
  const diff_ids = layers.map((layer) => `sha256:${sha256(layer)}`);
  return json({ architecture, os: 'linux', config, rootfs: { type: 'layers', diff_ids } });
}

export function addManifest(files: Files, spec: ImageSpec): { digest: string; size: number } {
  return addBlob(
    files,
    json({
      schemaVersion: 2,
      config: addBlob(files, configuration(spec)),
      layers: spec.layers.map((layer) => addBlob(files, gzipSync(layer))),
    }),
  );
}

export function layout(spec: ImageSpec): Files {
  const files: Files = new Map([['oci-layout', json({ imageLayoutVersion: '1.0.0' })]]);
  files.set('index.json', json({ schemaVersion: 2, manifests: [addManifest(files, spec)] }));
  return files;
}

/** One image for several machines, by an index in the index. */
export function multiLayout(...specs: readonly ImageSpec[]): Files {
  const files: Files = new Map([['oci-layout', json({ imageLayoutVersion: '1.0.0' })]]);
  const manifests = specs.map((spec) => ({
    ...addManifest(files, spec),
    platform: { os: 'linux', architecture: spec.architecture ?? OURS },
  }));
  const attestation = { ...manifests[0], platform: { os: 'unknown', architecture: 'unknown' } };
  const inner = addBlob(files, json({ schemaVersion: 2, manifests: [...manifests, attestation] }));
  files.set('index.json', json({ schemaVersion: 2, manifests: [inner] }));
  return files;
}

export function dockerSave(spec: ImageSpec): Files {
  const files: Files = new Map();
  const config = configuration(spec);
  const Layers = spec.layers.map((layer) => {
    const path = `${sha256(`id${sha256(layer)}`)}/layer.tar`;
    files.set(path, layer);
    return path;
  });
  files.set(`${sha256(config)}.json`, config);
  files.set('manifest.json', json([{ Config: `${sha256(config)}.json`, RepoTags: ['a:1'], Layers }]));
  return files;
}

export function writeFiles(directory: string, files: Files): string {
  for (const [path, bytes] of files) {
    mkdirSync(`${directory}/${path}`.replace(/\/[^/]*$/, ''), { recursive: true });
    writeFileSync(`${directory}/${path}`, bytes);
  }
  return directory;
}
