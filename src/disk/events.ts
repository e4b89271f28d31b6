/** What work on a disk image tells meanwhile. */

export type DiskEvent =
  | { readonly type: 'step'; readonly step: 'convert' | 'search' | 'copy' | 'make' }
  | { readonly type: 'progress'; readonly percent: number }
  | { readonly type: 'warning'; readonly message: string };

export type DiskReporter = (event: DiskEvent) => void;
