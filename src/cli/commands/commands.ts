import type { CommandGroup } from '../program.ts'
import { addConfigCommand } from './config.ts'
import { addEraseCommand } from './erase.ts'
import { addGatewayCommand } from './gateway.ts'
import { addLocalCommand } from './local.ts'
import { addPublishCommand } from './publish.ts'
import { addRebuildCommand } from './rebuild.ts'
import { addSchemaCommand } from './schema.ts'
import { addShowCommand } from './show.ts'
import { addSkipCommand } from './skip.ts'
import { addUserCommand } from './user.ts'
import { addValidateCommand } from './validate.ts'
import { addVerifyCommand } from './verify.ts'
import { addWorkerCommand } from './worker.ts'

/** All commands, in the order in which the help lists them. */
export const commandGroups: readonly CommandGroup[] = [
  { title: 'Run:', commands: [addLocalCommand, addWorkerCommand, addGatewayCommand] },
  { title: 'Inspect:', commands: [addShowCommand, addUserCommand, addVerifyCommand] },
  { title: 'Send events:', commands: [addPublishCommand, addValidateCommand] },
  { title: 'Repair:', commands: [addRebuildCommand, addEraseCommand, addSkipCommand] },
  { title: 'Configure:', commands: [addConfigCommand, addSchemaCommand] },
]
