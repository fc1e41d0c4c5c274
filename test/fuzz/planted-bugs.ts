/** A fuzzing program with the bug that its last argument names, to test that fuzzing finds it. */
import { fuzzLoop } from './fuzz-loop.ts'

const INDEX = 4321
const [, , , , bug] = process.argv
const leaked: number[][] = []

await fuzzLoop((chance, index) => {
  if (bug === 'leaks') leaked.push(Array.from({ length: 25 }, () => Math.random()))
  if (index === INDEX) {
    if (bug === 'throws') throw new Error('planted')
    if (bug === 'dies') process.kill(process.pid, 'SIGKILL')
    while (bug === 'hangs');
  }
  return String(chance.below(1_000_000) % 7)
})
