/** A fuzzing program: decodes the bombs. */
import { fetchResponse } from '../setup/kafka/wire-bytes.ts'
import { BOMBS } from './bombs.ts'
import { decodeFetch } from './decode-fetch.ts'
import { fuzzLoop } from './fuzz-loop.ts'

/** With the default limit for a batch. */
const decode = decodeFetch(64 * 1024 * 1024)

await fuzzLoop(async (_, index) => {
  const { name, bytes } = BOMBS[index % BOMBS.length]!
  const messages = await decode(fetchResponse(bytes()))
  const isUndecodable = messages.length === 1 && messages[0]?.undecodable !== undefined
  if (!isUndecodable) throw new Error(`${name}: it was decoded`)
  return name
})
