import { styleText } from 'node:util'
import CliTable from 'cli-table3'
import { shorten } from '../../domain/short-text.ts'
import { printable } from './printable.ts'
import type { OutStream } from './stream.ts'

type Style = Parameters<typeof styleText>[0]

/** Colours text if the stream is a terminal and NO_COLOR is not set. */
export function paint(stream: OutStream, style: Style, text: string): string {
  return styleText(style, text, { stream })
}

/**
 * Draws a table. On a terminal it is framed and long cells are cut. If the table is too wide for the
 * terminal, its widest column shrinks, to 12 characters at least. Elsewhere the columns are aligned,
 * and each row is one line.
 */
export function table(
  stream: OutStream,
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const cells = rows.map((row) => row.map(printable))
  return stream.isTTY ? framed(stream, headings, cells) : aligned(headings, cells)
}

/** A table of the first rows of a list. */
export interface Listing {
  readonly title: string
  /** How many items there are, shown or not. */
  readonly count: number
  readonly headings: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Draws a list under its title, with the number of all items, and of those not shown. */
export function listing(stream: OutStream, { title, count, headings, rows }: Listing): string {
  const heading = paint(stream, 'bold', `${title}: ${count}`)
  if (count === 0) return heading
  const more = count > rows.length ? `\n… and ${count - rows.length} more` : ''
  return `${heading}\n${table(stream, headings, rows)}${more}`
}

function framed(
  stream: OutStream,
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const cut = rows.map((row) => row.map(cutCell))
  const widths = headings.map((heading, column) => {
    return Math.max(heading.length, ...cut.map((row) => row[column]?.length ?? 0)) + PADDING
  })
  // a border before the first column, and one after each
  const tableWidth = widths.reduce((sum, width) => sum + width + 1, 1)
  const excess = tableWidth - (stream.columns ?? 80)
  const widest = widths.indexOf(Math.max(...widths))
  const fitted = Math.max((widths[widest] ?? 0) - excess, MIN_WIDTH)
  return draw(
    headings.map((heading) => paint(stream, 'cyan', heading)),
    cut,
    {
      style: { compact: true },
      colWidths: headings.map((_, column) => (excess > 0 && column === widest ? fitted : null)),
      wordWrap: true,
      wrapOnWordBoundary: false,
    },
  )
}

/** The blanks on both sides of a cell. */
const PADDING = 2
/** Of the widest column, with its padding. */
const MIN_WIDTH = 12
/** In UTF-16 units. A trait can have 32 KiB. */
const MAX_CELL_LENGTH = 600

function cutCell(cell: string): string {
  const text = shorten(cell, MAX_CELL_LENGTH)
  return text === cell ? cell : `${text} (${cell.length} characters; --json has all)`
}

function aligned(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const drawn = draw(headings, rows, {
    chars: NO_FRAME,
    style: { 'padding-left': 0, 'padding-right': 2, head: [], border: [] },
  })
  return drawn.replaceAll(/ +$/gm, '')
}

function draw(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  options: CliTable.TableConstructorOptions,
): string {
  const style = { head: [], border: [], ...options.style }
  const drawn = new CliTable({ ...options, style, head: [...headings] })
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
