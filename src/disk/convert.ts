/** Images through qemu-img: from any format to a sparse raw file, and back. */
import { resolve } from 'node:path';
import { DRIVERS, type Format } from './formats.js';
import { badImage } from './source.js';
import { type Argv, job } from './tools.js';

export interface ConvertOptions {
  readonly signal?: AbortSignal | undefined;
  /** Is told how many percent are done. */
  readonly onProgress?: ((percent: number) => void) | undefined;
}

/** Twice the largest disk that an MBR can describe. */
export const MAX_VIRTUAL_SIZE = 2 * 1024 ** 4;

/** Asks for the virtual size, and refuses what is too large or relies on other files. */
export async function inspect(
  file: string,
  format: Format,
  options: ConvertOptions & { readonly maxSize: number },
): Promise<number> {
  const text = await job(['qemu-img', 'info', '--output=json', reference(file, format)], options);
  const info = JSON.parse(text) as Readonly<Record<string, unknown>>;
  if ('backing-filename' in info || 'full-backing-filename' in info)
    throw badImage('the disk image relies on a backing file');
  const size = info['virtual-size'];
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 1024)
    throw badImage('the disk image states no usable size');
  checkSize(size, options.maxSize);
  return size;
}

export function checkSize(size: number, maxSize: number): void {
  if (size <= maxSize) return;
  const gib = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 3)} GiB`;
  throw badImage(`the disk image states a size of ${gib(size)}, more than the limit of ${gib(maxSize)}`);
}

export async function toRaw(
  file: string,
  format: Format,
  raw: string,
  options: ConvertOptions,
): Promise<void> {
  await convert(['-O', 'raw', reference(file, format), resolve(raw)], options);
}

export async function fromRaw(
  raw: string,
  file: string,
  format: Format,
  options: ConvertOptions,
): Promise<void> {
  // A VHD's size is else rounded to what cylinders, heads and sectors can tell.
  const exact = format === 'vhd' ? ['-o', 'force_size=on'] : [];
  await convert(['-O', DRIVERS[format], ...exact, reference(raw, 'raw'), resolve(file)], options);
}

async function convert(args: readonly string[], { signal, onProgress }: ConvertOptions): Promise<void> {
  const argv: Argv = ['qemu-img', 'convert', '-p', ...args];
  await job(argv, {
    signal,
    onOutput: (text) => {
      const percent = [...text.matchAll(/(\d+)\.\d+\/100%/g)].at(-1)?.[1];
      if (percent !== undefined) onProgress?.(Number(percent));
    },
  });
}

/** With everything said: no format to be guessed, no protocol in a name, no backing file to be opened. */
function reference(file: string, format: Format): string {
  const protocol = { driver: 'file', filename: resolve(file) };
  const backing = format === 'qcow2' || format === 'vmdk' ? { backing: null } : {};
  return `json:${JSON.stringify({ driver: DRIVERS[format], ...backing, file: protocol })}`;
}
