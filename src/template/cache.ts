/** The template cache: a directory each, with a manifest and a root file system that nothing ever writes to. */
import { readdirSync, readFileSync } from 'node:fs';
import { CellaError, isErrno } from '../errors.js';
import { parseManifest, type TemplateManifest } from './manifest.js';

export interface Template {
  readonly name: string;
  readonly directory: string;
  readonly rootfs: string;
  readonly manifest: TemplateManifest;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export function cacheDirectory(templateDir: string): string {
  return `${templateDir}/cache`;
}

export function findTemplate(templateDir: string, name: string): Template {
  if (!NAME.test(name))
    throw new CellaError('BAD_VALUE', `'${name.slice(0, 64)}' is not a name of a template`);
  const directory = `${cacheDirectory(templateDir)}/${name}`;
  const path = `${directory}/manifest.json`;
  try {
    return {
      name,
      directory,
      rootfs: `${directory}/rootfs`,
      manifest: parseManifest(readFileSync(path, 'utf8'), path),
    };
  } catch (cause) {
    if (!isErrno(cause, 'ENOENT')) throw cause;
    const names = listTemplates(templateDir).join(', ') || 'none';
    throw new CellaError('TEMPLATE_NOT_FOUND', `template '${name}' does not exist`, {
      cause,
      hint: `Choose one of these: ${names}.`,
    });
  }
}

export function listTemplates(templateDir: string): readonly string[] {
  try {
    return readdirSync(cacheDirectory(templateDir))
      .filter((name) => NAME.test(name))
      .sort();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}
