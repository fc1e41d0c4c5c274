/** How commands in another terminal find the local stack that is running: a file in its folder. */

import { readFileSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'

const endpointsSchema = z.object({
  /** Addresses, host:port. */
  kafkaBrokers: z.array(z.string()),
  redisUrl: z.string(),
})

export type LocalEndpoints = z.infer<typeof endpointsSchema>

/** It is of a stack that runs as long as this process. */
const fileSchema = endpointsSchema.extend({ pid: z.int().positive() })

/** What `npm start` downloads and keeps, in the checkout or the installed package. */
const home = resolve(import.meta.dirname, '../../.local')

/** The folder of the stack that `npm start` runs. */
export const stackFolder = join(home, 'stack')

/** Where every local stack keeps its downloads. */
export const downloadsFolder = join(home, 'downloads')

/** The endpoints of the local stack that is running in this folder; undefined where none is. */
export function readLocalEndpoints(folder: string = stackFolder): LocalEndpoints | undefined {
  try {
    const { pid, ...endpoints } = fileSchema.parse(JSON.parse(readFileSync(fileIn(folder), 'utf8')))
    return isAlive(pid) ? endpoints : undefined
  } catch {
    return undefined // no such file, or not ours
  }
}

/** Writes them as those of a stack that runs as long as this process. */
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
    return (error as NodeJS.ErrnoException).code === 'EPERM' // another user's
  }
}
