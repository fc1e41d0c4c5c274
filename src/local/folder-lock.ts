/**
 * One local stack a folder. The holder listens on a port that the lock file names, and answers
 * with the file's token: so a lock left by a killed process is told from a held one even where
 * its process id has been given to another process since.
 */

import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { z } from 'zod'
import { StackFailed } from './servers/stack-failed.ts'

export interface FolderLock {
  release(): Promise<void>
}

const holderSchema = z.object({ pid: z.int(), port: z.int(), token: z.string() })
type Holder = z.infer<typeof holderSchema>

const answerTimeoutMs = 1_000

/** @throws StackFailed where another process holds it */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const file = join(folder, 'lock')
  const token = randomUUID()
  const server = await listen(token)
  const { port } = server.address() as AddressInfo
  const own: Holder = { pid: process.pid, port, token }
  while (!(await create(file, own))) {
    const found = await read(file)
    const holder = found && parse(found)
    if (holder && (await answers(holder))) {
      server.close()
      throw new StackFailed(
        `Process ${holder.pid} is running a local stack in ${folder} already: ` +
          'use that one, or stop it first.',
      )
    }
    if (found !== undefined) await discard(file, found)
  }
  return {
    async release() {
      server.close()
      await rm(file, { force: true })
    },
  }
}

function listen(token: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy()) // whoever asked has gone
      socket.end(token)
    })
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server.unref()))
  })
}

/** Creates the file with all its content at once; false where it is there already. */
async function create(file: string, holder: Holder): Promise<boolean> {
  const partial = `${file}.${holder.token}`
  await writeFile(partial, JSON.stringify(holder))
  try {
    await link(partial, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(partial, { force: true })
  }
}

/** Undefined where it has been released meanwhile. */
async function read(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function parse(text: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text))
  } catch {
    return undefined // not ours
  }
}

/** Removes a stale lock, and only that: another start may have put its own in place by now. */
async function discard(file: string, stale: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`
  try {
    await rename(file, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if ((await read(aside)) === stale) await rm(aside)
  else await rename(aside, file)
}

function answers({ port, token }: Holder): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect({ port, host: '127.0.0.1', timeout: answerTimeoutMs })
    socket.setEncoding('utf8')
    socket.on('data', (text) => {
      answer += text
    })
    socket.on('timeout', () => socket.destroy())
    socket.on('error', () => socket.destroy()) // nobody listens: stale
    socket.on('close', () => resolve(answer === token))
  })
}
