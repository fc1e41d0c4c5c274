/**
 * A TCP proxy in front of a server, which fails in the ways that a network fails.
 *
 *   open     forwards bytes both ways; may be delayed
 *   cut      refuses new connections and has closed all others     cut() / restore()
 *   frozen   accepts connections and forwards nothing              freeze() / thaw()
 */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePorts } from '../../../src/local/free-ports.ts'

export interface TcpProxy {
  readonly port: number
  cut(): Promise<void>
  restore(): Promise<void>
  freeze(): void
  /** Forwards what was sent meanwhile. */
  thaw(): void
  /** Delays all bytes sent from now on by that much, in each direction. */
  delay(latencyMs: number): void
  /**
   * Waits for a chunk of a reply that is longer than `bytes`, forwards only its first `bytes`,
   * and closes the connection. Resolves once that has happened or the signal is aborted.
   */
  cutInReply(bytes: number, signal?: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** @param target the server's port on 127.0.0.1 */
export async function startProxy(target: number): Promise<TcpProxy> {
  const port = await findPort()
  const sockets = new Set<Socket>()
  const state: State = { latencyMs: 0, frozen: undefined, cuts: new Set() }
  let server: Server | undefined

  const cut = async () => {
    const closing = server && once(server, 'close')
    server?.close()
    server = undefined
    for (const socket of sockets) socket.destroy()
    await closing
  }
  const restore = async () => {
    if (server !== undefined) return
    server = createServer((client) => {
      const upstream = connect(target, '127.0.0.1')
      for (const socket of [client, upstream]) {
        sockets.add(socket)
        socket.setNoDelay(true)
        socket.on('error', () => socket.destroy())
        socket.on('close', () => sockets.delete(socket))
      }
      forward(client, upstream, state, new Set())
      forward(upstream, client, state, state.cuts)
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  await restore()
  return {
    port,
    cut,
    restore,
    freeze() {
      state.frozen ??= Promise.withResolvers<void>()
    },
    thaw() {
      state.frozen?.resolve()
      state.frozen = undefined
    },
    delay(latencyMs) {
      state.latencyMs = latencyMs
    },
    cutInReply(bytes, signal) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const planned: Cut = { bytes, done: resolve }
      state.cuts.add(planned)
      signal?.addEventListener('abort', () => {
        state.cuts.delete(planned)
        resolve()
      })
      return promise
    },
    close: cut,
  }
}

interface State {
  latencyMs: number
  frozen: PromiseWithResolvers<void> | undefined
  readonly cuts: Set<Cut>
}

interface Cut {
  readonly bytes: number
  done(): void
}

/** With more bytes than this in transit the sender has to wait, as on a real network. */
const MAX_BYTES_IN_TRANSIT = 4 * 1024 * 1024

/**
 * Forwards all bytes of `from` to `to` in order, then closes `to`.
 *
 * @param cuts planned for this direction
 */
function forward(from: Socket, to: Socket, state: State, cuts: Set<Cut>): void {
  let delivered = Promise.resolve()
  let inTransit = 0
  const queue = (deliver: () => void) => {
    const dueMs = performance.now() + state.latencyMs
    delivered = delivered.then(async () => {
      const waitMs = dueMs - performance.now()
      if (waitMs > 0) await sleep(waitMs)
      while (state.frozen !== undefined) await state.frozen.promise
      deliver()
    })
  }
  from.on('data', (bytes) => {
    inTransit += bytes.length
    if (inTransit > MAX_BYTES_IN_TRANSIT) from.pause()
    queue(() => {
      inTransit -= bytes.length
      const cut = takeCut(cuts, bytes.length)
      if (cut === undefined) write(from, to, bytes)
      else breakOff(from, to, bytes.subarray(0, cut.bytes), cut)
      if (inTransit <= MAX_BYTES_IN_TRANSIT && !to.writableNeedDrain) from.resume()
    })
  })
  from.on('close', () => queue(() => to.end(() => to.destroy())))
}

function write(from: Socket, to: Socket, bytes: Buffer): void {
  if (to.destroyed || to.write(bytes)) return
  from.pause()
  to.once('drain', () => from.resume())
}

function takeCut(cuts: Set<Cut>, length: number): Cut | undefined {
  for (const cut of cuts) if (length > cut.bytes && cuts.delete(cut)) return cut
  return undefined
}

function breakOff(from: Socket, to: Socket, bytes: Buffer, { done }: Cut): void {
  from.destroy()
  to.end(bytes, () => {
    to.destroy()
    done()
  })
}

/** Below the range of ephemeral ports, so that no outgoing connection takes the port while the proxy is cut. */
async function findPort(): Promise<number> {
  const [port = 0] = await findFreePorts([20_000 + Math.floor(Math.random() * 12_000)])
  return port
}
