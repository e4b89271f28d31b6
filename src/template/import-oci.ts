/** Images of applications and systems: every layer becomes a directory, and an overlay of them the template. */
import { createHash } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Template } from './cache.js';
import { readDecompressed } from './decompress.js';
import { digestLayers } from './digest.js';
import { type Image, type Layer, mismatch, readImage } from './image.js';
import { commandOf, initOf } from './image-command.js';
import { type ImportOptions, templateNameFor } from './import-options.js';
import { makeLayer } from './import-tarball.js';
import { DEFAULT_LIMITS, type UnpackLimits } from './limits.js';
import type { TemplateManifest } from './manifest.js';
import { stageTemplate } from './staging.js';
import { type UnpackProgress, unpack } from './unpack.js';

/** `source`: an OCI layout's directory, an archive of one, or what `docker save` wrote. */
export async function importOci(
  source: string,
  templateDir: string,
  options: ImportOptions = {},
): Promise<Template> {
  const { claim, signal } = options;
  const name = templateNameFor(source, options.name);
  return stageTemplate({ templateDir, name, verb: 'import', claim, signal }, async (staging) => {
    const aside = `${staging}/.image`;
    if (!statSync(source).isDirectory()) {
      mkdirSync(aside);
      const { limits, progress } = options;
      const shared = { signal, ...(limits ? { limits } : {}), ...(progress ? { progress } : {}) };
      await unpack(readDecompressed(source, { signal }), aside, shared);
    }
    const image = readImage(statSync(source).isDirectory() ? source : aside);
    const layers = await unpackLayers(image, staging, options);
    await rm(aside, { recursive: true, force: true });
    return manifestOf(name, image, { staging, layers, signal });
  });
}

interface Unpacked {
  readonly staging: string;
  /** Topmost first. */
  readonly layers: readonly string[];
  readonly signal: AbortSignal | undefined;
}

async function manifestOf(
  name: string,
  image: Image,
  { staging, layers, signal }: Unpacked,
): Promise<TemplateManifest> {
  const paths = layers.map((layer) => `${staging}/${layer}`);
  const command = commandOf(image.config);
  return {
    version: 1,
    name,
    description: '',
    ...initOf(image.config, command, paths),
    arch: image.arch,
    built: new Date().toISOString(),
    source: `image ${image.id}`,
    layers,
    packages: {},
    command,
    ...(await digestLayers(paths, signal)),
  };
}

/** Names of their directories, topmost first. */
async function unpackLayers(
  image: Image,
  staging: string,
  options: ImportOptions,
): Promise<readonly string[]> {
  const names: string[] = [];
  let done: UnpackProgress = { entries: 0, bytes: 0 };
  for (const [i, layer] of image.layers.entries()) {
    const name = `layer${i + 1}`;
    done = await unpackLayer(layer, makeLayer(staging, name), { ...options, done });
    names.unshift(name);
  }
  return names;
}

/** The limits are for all layers together. */
async function unpackLayer(
  layer: Layer,
  directory: string,
  { done, ...options }: ImportOptions & { readonly done: UnpackProgress },
): Promise<UnpackProgress> {
  const sum = (now: UnpackProgress): UnpackProgress => ({
    entries: done.entries + now.entries,
    bytes: done.bytes + now.bytes,
  });
  const limits: UnpackLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const left = { ...limits, entries: limits.entries - done.entries, bytes: limits.bytes - done.bytes };
  const unpacked = await unpack(verified(layer, options.signal), directory, {
    limits: left,
    whiteouts: true,
    signal: options.signal,
    progress: (now) => options.progress?.(sum(now)),
  });
  return sum(unpacked);
}

/** What a layer holds; fails at its end unless both digests are what the image says. */
async function* verified(layer: Layer, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const [raw, plain] = [createHash('sha256'), createHash('sha256')];
  const onRaw = (chunk: Uint8Array): void => void raw.update(chunk);
  for await (const chunk of readDecompressed(layer.path, { onRaw, signal })) {
    plain.update(chunk);
    yield chunk;
  }
  if (layer.digest !== undefined && `sha256:${raw.digest('hex')}` !== layer.digest)
    throw mismatch(layer.digest);
  if (`sha256:${plain.digest('hex')}` !== layer.diffId) throw mismatch(layer.diffId);
}
