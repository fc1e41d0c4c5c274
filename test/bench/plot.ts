/** Draws the results of a run: how fast backlogs are drained, and the latency of single events. */
import { writeFile } from 'node:fs/promises'
import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import { type DrainBar, type LatencySpan, plotData } from './plot-data.ts'
import type { StoredResults } from './results.ts'

/** Draws the plot into an SVG file. @throws BenchError if figures are missing; the file is unchanged */
export async function drawPlot(results: StoredResults, file: string): Promise<void> {
  const { drains, latencies } = plotData(results)
  const { cpus, cpu } = results.machine
  const spec: TopLevelSpec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    padding: 16,
    title: {
      text: 'group-traits, beside two workers that one could write instead',
      subtitle: `${cpus} cores (${cpu}), which Kafka and Redis share; ${results.at.slice(0, 10)}`,
      anchor: 'start',
      offset: 16,
    },
    config: CONFIG,
    vconcat: [drainChart(drains), latencyChart(latencies)],
    spacing: 28,
  }
  const view = new View(parse(compile(spec).spec), { renderer: 'none' })
  await writeFile(file, `${await view.toSVG()}\n`)
  view.finalize()
}

type Chart = Extract<TopLevelSpec, { vconcat: unknown }>['vconcat'][number]

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'

const CONFIG: NonNullable<TopLevelSpec['config']> = {
  font: FONT,
  title: { fontSize: 15, subtitleFontSize: 12, subtitleColor: '#666', subtitlePadding: 6 },
  axis: {
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    labelColor: '#333',
    labelLimit: 0,
  },
  legend: { labelFontSize: 12, labelLimit: 0, orient: 'top', title: null, symbolType: 'square' },
  view: { stroke: null },
}

const WIDTH = 560
const ROW_STEP = 15
const LABEL_SIZE = 11

const HEIGHT = { step: ROW_STEP, for: 'offset' } as const

/** Our worker in blue, the references in grey. */
const COLOUR = {
  field: 'worker',
  type: 'nominal',
  sort: null,
  scale: { range: ['#2563eb', '#94a3b8', '#cbd5e1'] },
} as const

const rowOf = (field: string) =>
  ({
    y: {
      field,
      type: 'nominal',
      sort: null,
      title: null,
      axis: { ticks: false, domain: false, labelPadding: 8 },
    },
    yOffset: { field: 'worker', type: 'nominal', sort: null },
  }) as const

function drainChart(values: readonly DrainBar[]): Chart {
  const x = {
    field: 'eventsPerSecond',
    type: 'quantitative',
    title: 'events per second, draining a backlog',
    axis: { grid: false, tickCount: 5, format: ',d' },
    scale: { domainMax: Math.max(...values.map((bar) => bar.eventsPerSecond)) * 1.12 },
  } as const
  return {
    width: WIDTH,
    height: HEIGHT,
    data: { values: [...values] },
    encoding: { ...rowOf('backlog'), x },
    layer: [
      { mark: { type: 'bar', height: ROW_STEP - 2 }, encoding: { color: COLOUR } },
      {
        mark: { type: 'text', align: 'left', dx: 4, fontSize: LABEL_SIZE },
        encoding: { text: { field: 'label' } },
      },
    ],
  }
}

function latencyChart(values: readonly LatencySpan[]): Chart {
  return {
    width: WIDTH,
    height: HEIGHT,
    data: { values: [...values] },
    encoding: {
      ...rowOf('load'),
      color: COLOUR,
      x: {
        field: 'p50Ms',
        type: 'quantitative',
        title: 'milliseconds from producing to readable in Redis: p50 to p99',
        axis: { grid: false, tickCount: 5, format: ',~g' },
        scale: { type: 'log', nice: true, domainMax: Math.max(...values.map(farEnd)) },
      },
    },
    layer: [
      {
        mark: { type: 'bar', height: 5, cornerRadius: 2.5 },
        encoding: { x2: { field: 'p99Ms' } },
      },
      { mark: { type: 'point', filled: true, size: 60, opacity: 1 } },
      {
        mark: { type: 'text', align: 'left', dx: 6, fontSize: LABEL_SIZE },
        encoding: {
          x: { field: 'p99Ms', type: 'quantitative' },
          text: { field: 'label' },
          color: { value: '#000' },
        },
      },
    ],
  }
}

/** The end of the axis, with room for a label after the longest bar, on a logarithmic scale. */
const farEnd = ({ p99Ms }: LatencySpan) => p99Ms * 6
