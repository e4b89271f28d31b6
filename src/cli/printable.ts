/** A guest's bytes for an operator's terminal: nothing that a terminal would obey. */

/** Sequences whole, so that no rest of them is left to read; then every other control character but tab and newline. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const SEQUENCES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\|$)|[ -/]*[0-~])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

export function printable(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8').replace(SEQUENCES, '').replace(CONTROLS, '');
}
