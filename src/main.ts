#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node --max-semi-space-size=4
import { commandGroups } from './cli/commands/commands.ts'
import { main } from './cli/program.ts'

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0) // the reader has closed the pipe: `| head`
    process.stderr.write(`error: cannot write the output: ${error.message}\n`)
    process.exit(1)
  })
}

const exitCode = await main(commandGroups, process.argv.slice(2), process.env, process)
process.stdout.write('', (error) => {
  if (!error) process.exit(exitCode) // otherwise the handler above reports it
})
