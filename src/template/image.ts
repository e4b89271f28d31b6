/** Images as files: an OCI layout, or what `docker save` writes; read with every digest checked. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { machine } from 'node:os';
import { CellaError } from '../errors.js';
import { findInside } from './inside.js';
import { isObject, type JsonObject, listOf, parseObject, textOf } from './json.js';

export interface Layer {
  readonly path: string;
  /** Of the file as it is; undefined where the image does not say. */
  readonly digest: string | undefined;
  /** Of what it holds, decompressed. */
  readonly diffId: string;
}

export interface Image {
  /** Lowest first. */
  readonly layers: readonly Layer[];
  /** As uname(2) calls it. */
  readonly arch: string;
  /** What it runs: the configuration's own `config`. */
  readonly config: JsonObject;
  /** sha256 of the configuration, which names all the rest. */
  readonly id: string;
}

const LIMIT = 4 << 20;
const MOST_LAYERS = 127;
const DEEPEST = 4;

/** As images call machines, and as the kernel does. */
const MACHINES: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  arm64: 'aarch64',
  '386': 'i686',
  arm: 'armv7l',
  ppc64le: 'ppc64le',
  s390x: 's390x',
  riscv64: 'riscv64',
};

export function readImage(directory: string): Image {
  if (findInside([directory], 'oci-layout')) return readLayout(directory);
  if (findInside([directory], 'manifest.json')) return readDocker(directory);
  throw bad(`'${directory}' holds no image`);
}

function readLayout(directory: string): Image {
  const manifest = chooseManifest(directory, readJson(directory, 'index.json'), 0);
  const { digest, value } = readBlob(directory, digestOf(manifest.config));
  const blobs = listOf(manifest.layers, isObject) ?? [];
  const paths = blobs.map((layer) => ({
    digest: digestOf(layer),
    path: blobPath(directory, digestOf(layer)),
  }));
  return imageOf(value, digest, paths);
}

/** An index names manifests for several machines, or further indexes. */
function chooseManifest(directory: string, index: JsonObject, depth: number): JsonObject {
  if (depth > DEEPEST) throw bad('the image has too many indexes in each other');
  const all = listOf(index.manifests, isObject) ?? [];
  const fitting = all.length === 1 ? all : all.filter(isForThisMachine);
  const [chosen] = fitting;
  if (!chosen) throw bad(`the image has nothing for this machine, ${machine()}`);
  if (fitting.length > 1) throw bad('there is more than one image');
  const { value } = readBlob(directory, digestOf(chosen));
  return value.manifests === undefined ? value : chooseManifest(directory, value, depth + 1);
}

function isForThisMachine({ platform }: JsonObject): boolean {
  if (!isObject(platform)) return false;
  return platform.os === 'linux' && MACHINES[textOf(platform.architecture) ?? ''] === machine();
}

function readDocker(directory: string): Image {
  const text = readSmall(directory, 'manifest.json').toString();
  const images = listOf(parseObject(`{"images":${text}}`, 'manifest.json').images, isObject) ?? [];
  const [image] = images;
  if (!image || images.length > 1) throw bad('the archive must hold one image');
  const path = textOf(image.Config) ?? '';
  const bytes = readSmall(directory, path);
  const id = sha256(bytes);
  const named = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(path)?.[1];
  if (named !== undefined && id !== `sha256:${named}`) throw mismatch(`sha256:${named}`);
  const layers = (listOf(image.Layers, (value) => typeof value === 'string') ?? []).map((name) => ({
    digest: undefined,
    path: fileInside(directory, name),
  }));
  return imageOf(parseObject(bytes.toString(), path), id, layers);
}

function imageOf(
  configuration: JsonObject,
  id: string,
  blobs: readonly Pick<Layer, 'path' | 'digest'>[],
): Image {
  const { architecture, os, rootfs, config } = configuration;
  const arch = MACHINES[textOf(architecture) ?? ''];
  if (os !== 'linux' || arch !== machine())
    throw bad(`the image is for ${shown(os)}/${shown(architecture)}, this machine is ${machine()}`);
  const diffIds = isObject(rootfs) ? (listOf(rootfs.diff_ids, isDigest) ?? []) : [];
  if (blobs.length === 0 || blobs.length > MOST_LAYERS) throw bad(`the image has ${blobs.length} layers`);
  if (diffIds.length !== blobs.length) throw bad('the image does not name the digest of every layer');
  const layers = blobs.map((blob, i) => ({ ...blob, diffId: diffIds[i] ?? '' }));
  return { layers, arch, config: isObject(config) ? config : {}, id };
}

function readBlob(
  directory: string,
  digest: string,
): { readonly digest: string; readonly value: JsonObject } {
  const bytes = readSmall(directory, `blobs/${digest.replace(':', '/')}`);
  if (sha256(bytes) !== digest) throw mismatch(digest);
  return { digest, value: parseObject(bytes.toString(), digest) };
}

function readJson(directory: string, path: string): JsonObject {
  return parseObject(readSmall(directory, path).toString(), path);
}

function readSmall(directory: string, path: string): Buffer {
  const found = fileInside(directory, path, LIMIT);
  return readFileSync(found);
}

/** A regular file of the image; what names it comes from the image too, and may say anything. */
function fileInside(directory: string, path: string, limit = Number.POSITIVE_INFINITY): string {
  const found = path.includes('\0') ? undefined : findInside([directory], path);
  if (!found?.stats.isFile()) throw bad(`the image has no file '${shown(path)}'`);
  if (found.stats.size > limit) throw bad(`the image's file '${shown(path)}' is too large`);
  return found.hostPath;
}

function blobPath(directory: string, digest: string): string {
  return fileInside(directory, `blobs/${digest.replace(':', '/')}`);
}

function digestOf(descriptor: unknown): string {
  const digest = isObject(descriptor) ? descriptor.digest : undefined;
  if (isDigest(digest)) return digest;
  throw bad(`'${shown(digest)}' in the image is not a sha256 digest`);
}

function isDigest(value: unknown): value is string {
  return typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value);
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function shown(value: unknown): string {
  return String(value)
    .slice(0, 128)
    .replace(/\p{Cc}/gu, '?');
}

function bad(message: string): CellaError {
  return new CellaError('CREATE_FAILED', message);
}

export function mismatch(digest: string): CellaError {
  return bad(`the image is damaged: what is called ${digest} is something else`);
}
