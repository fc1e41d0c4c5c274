#!/usr/bin/env -S node --max-semi-space-size=8
import { main } from './cli/program.ts'

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0) // the reader (`head`) has seen enough
    throw error
  })
}

const exitCode = await main(process.argv.slice(2), process.env, process)
process.stdout.write('', () => process.exit(exitCode))
