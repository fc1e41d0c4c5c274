/**
 * The addresses of a running local stack, in the file `endpoints.json` in its folder. Commands in
 * another terminal find the stack by it.
 */

import { readFileSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'

const endpointsSchema = z.object({
  /** `host:port` each. */
  kafkaBrokers: z.array(z.string()),
  redisUrl: z.string(),
})

export type LocalEndpoints = z.infer<typeof endpointsSchema>

/** The file: the endpoints, and the process that runs the stack. They are stale without it. */
const fileSchema = endpointsSchema.extend({ pid: z.int().positive() })

/** In the checkout, or in the installed package. */
const home = resolve(import.meta.dirname, '../../.local')

/** The folder of the stack that `npm start` starts. */
export const stackFolder = join(home, 'stack')

/** Where every local stack keeps its downloads, so that only the first start downloads. */
export const downloadsFolder = join(home, 'downloads')

/** Reads the endpoints of the stack that is running in the folder; undefined if none is. */
export function readLocalEndpoints(folder: string = stackFolder): LocalEndpoints | undefined {
  try {
    const { pid, ...endpoints } = fileSchema.parse(JSON.parse(readFileSync(fileIn(folder), 'utf8')))
    return isAlive(pid) ? endpoints : undefined
  } catch {
    return undefined // no such file, or a file of another program
  }
}

/** Writes the endpoints of a stack that runs until this process ends. */
export async function writeEndpoints(folder: string, endpoints: LocalEndpoints): Promise<void> {
  const { kafkaBrokers, redisUrl } = endpoints
  const text = JSON.stringify({ kafkaBrokers, redisUrl, pid: process.pid }, null, 2)
  const partial = `${fileIn(folder)}.partial`
  await writeFile(partial, `${text}\n`)
  await rename(partial, fileIn(folder))
}

export async function removeEndpoints(folder: string): Promise<void> {
  await rm(fileIn(folder), { force: true })
}

function fileIn(folder: string): string {
  return join(folder, 'endpoints.json')
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' // it is alive: another user's process
  }
}
