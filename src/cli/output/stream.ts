import type { Writable } from 'node:stream'

/** Where a command prints: a terminal, a file or a pipe. `columns` is the width of a terminal. */
export type OutStream = Writable & { readonly isTTY?: boolean; readonly columns?: number }
