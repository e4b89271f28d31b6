/** The protocol that a console's connection is upgraded to: bytes, both ways. */
export const CONSOLE_PROTOCOL = 'cella-console';
