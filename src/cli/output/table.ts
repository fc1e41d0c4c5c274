import { styleText } from 'node:util'
import CliTable from 'cli-table3'
import type { OutStream } from '../cli.ts'
import { printable } from './printable.ts'

type Style = Parameters<typeof styleText>[0]

/** Colours text if the stream is a terminal and NO_COLOR is not set. */
export function paint(stream: OutStream, style: Style, text: string): string {
  return styleText(style, text, { stream })
}

/**
 * Draws a table. On a terminal it is framed and fitted to the width, and long cells are cut.
 * Elsewhere its columns are aligned, and each row is one line.
 */
export function table(
  stream: OutStream,
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const cells = rows.map((row) => row.map(printable))
  return stream.isTTY ? framed(stream, heads, cells) : aligned(heads, cells)
}

/** A list, of which only some rows may be shown. */
export interface Listing {
  readonly title: string
  /** How many items there are, shown or not. */
  readonly count: number
  readonly heads: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Draws a list under its title, with the number of all items, and of those not shown. */
export function listing(stream: OutStream, { title, count, heads, rows }: Listing): string {
  const head = paint(stream, 'bold', `${title}: ${count}`)
  if (count === 0) return head
  const more = count > rows.length ? `\n… and ${count - rows.length} more` : ''
  return `${head}\n${table(stream, heads, rows)}${more}`
}

function framed(
  stream: OutStream,
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const cut = rows.map((row) => row.map(shortened))
  const widths = heads.map((head, column) => {
    return Math.max(head.length, ...cut.map((row) => row[column]?.length ?? 0)) + PADDING
  })
  const excess = widths.reduce((sum, width) => sum + width + 1, 1) - (stream.columns ?? 80)
  const widest = widths.indexOf(Math.max(...widths))
  const fitted = Math.max((widths[widest] ?? 0) - excess, MIN_WIDTH)
  return draw(
    heads.map((head) => paint(stream, 'cyan', head)),
    cut,
    {
      style: { compact: true },
      colWidths: heads.map((_, column) => (excess > 0 && column === widest ? fitted : null)),
      wordWrap: true,
      wrapOnWordBoundary: false,
    },
  )
}

const PADDING = 2
const MIN_WIDTH = 12
const MAX_CELL_LENGTH = 600

function shortened(cell: string): string {
  return cell.length <= MAX_CELL_LENGTH
    ? cell
    : `${cell.slice(0, MAX_CELL_LENGTH)}… (${cell.length} characters; --json has all)`
}

function aligned(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const drawn = draw(heads, rows, {
    chars: NO_FRAME,
    style: { 'padding-left': 0, 'padding-right': 2, head: [], border: [] },
  })
  return drawn.replaceAll(/ +$/gm, '')
}

function draw(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  options: CliTable.TableConstructorOptions,
): string {
  const style = { head: [], border: [], ...options.style }
  const drawn = new CliTable({ ...options, style, head: [...heads] })
  drawn.push(...rows.map((row) => [...row]))
  return drawn.toString()
}

const NO_FRAME = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right'],
    ...['bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
  ].map((part) => [part, '']),
)
