/**
 * Programs of dumped processes. CRIU takes a descriptor of the same file for a program's, where it has met one. Of its
 * executor systemd holds one by path alone, and the kernel accepts none of these as a program (PR_SET_MM_EXE_FILE, EBADF):
 * such a program gets an entry of its own in CRIU's table of files.
 */
import { existsSync, readdirSync } from 'node:fs';
import { editMessage, message, numberIn, readImage, writeImage } from './image-file.js';

const O_PATH = 0o10000000;
/** As of any program: to be read, of any size. */
const READ = 0o100000;

/** Fields of mm_entry, of file_entry and reg_file_entry, and of remap_file_path_entry, which is of a deleted file. */
const MM = { program: 12 };
const FILE = { id: 2, regular: 3 };
const REGULAR = { id: 1, flags: 2 };
const REMAP = { file: 1 };

/** Of deleted files that are still open, which have got other names; there is none where none was. */
export const remapsOf = (images: string): string => `${images}/remap-fpath.img`;

export function mendPrograms(images: string): void {
  const files = readImage(`${images}/files.img`);
  const idOf = (entry: Uint8Array): number => numberIn(entry, FILE.id) ?? 0;
  const byPath = files.entries.filter(
    (entry) => ((numberIn(entry, FILE.regular, REGULAR.flags) ?? 0) & O_PATH) !== 0,
  );
  const first = Math.max(0, ...files.entries.map(idOf)) + 1;
  const own = new Map(byPath.map((entry, index) => [idOf(entry), first + index]));
  if (!givePrograms(images, own)) return;
  const added = byPath.map((entry) => {
    const id = (): number => own.get(idOf(entry)) ?? 0;
    return editMessage(entry, {
      [FILE.id]: id,
      [FILE.regular]: message({ [REGULAR.id]: id, [REGULAR.flags]: () => READ }),
    });
  });
  writeImage(`${images}/files.img`, { ...files, entries: [...files.entries, ...added] });
  giveRemaps(remapsOf(images), own);
}

/** Whether there are any. */
function givePrograms(images: string, own: ReadonlyMap<number, number>): boolean {
  let given = false;
  for (const name of readdirSync(images).filter((at) => /^mm-\d+\.img$/.test(at))) {
    const mm = readImage(`${images}/${name}`);
    const program = mm.entries[0] && own.get(numberIn(mm.entries[0], MM.program) ?? 0);
    if (program === undefined) continue;
    writeImage(`${images}/${name}`, {
      ...mm,
      entries: mm.entries.map((entry) => editMessage(entry, { [MM.program]: () => program })),
    });
    given = true;
  }
  return given;
}

/** Whose file is deleted is found by the same other name. */
function giveRemaps(path: string, own: ReadonlyMap<number, number>): void {
  if (!existsSync(path)) return;
  const remaps = readImage(path);
  const added = remaps.entries.flatMap((entry) => {
    const id = own.get(numberIn(entry, REMAP.file) ?? 0);
    return id === undefined ? [] : [editMessage(entry, { [REMAP.file]: () => id })];
  });
  writeImage(path, { ...remaps, entries: [...remaps.entries, ...added] });
}
