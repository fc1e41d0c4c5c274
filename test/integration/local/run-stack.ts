/** Runs a local stack in the folder given as argument, until the process is killed. */

import { downloadsFolder } from '../../../src/local/endpoints.ts'
import { startLocalStack } from '../../../src/local/stack.ts'

const [, , folder = ''] = process.argv
const report = () => {}
await startLocalStack({ folder, downloads: downloadsFolder, report, engine: 'java' })
process.stdout.write('started\n')
setInterval(() => {}, 60_000)
