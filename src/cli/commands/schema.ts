import { Argument, type Command } from 'commander'
import { type DocumentName, documents } from '../../app/published-documents.ts'
import { type Cli, DONE } from '../cli.ts'
import { addHelp } from '../help.ts'

export function addSchemaCommand(program: Command, cli: Cli): void {
  const command = program
    .command('schema')
    .summary('print the schemas of events, topics and settings')
    .description(
      'Prints a published document, for producers in any language and for editors: the JSON ' +
        'Schema of an event, the AsyncAPI document of the topics, or the JSON Schema of the ' +
        'configuration file.',
    )
    .addArgument(
      new Argument('[document]', 'which document').choices(Object.keys(documents)).default('event'),
    )
  addHelp(command, {
    examples: [
      ['schema event', 'JSON Schema of a group event'],
      ['schema asyncapi', 'AsyncAPI: topics, messages, headers'],
      ['schema config', 'JSON Schema of the configuration file'],
    ],
    exitCodes: { 0: 'printed' },
  })

  command.action(
    cli.run((name: DocumentName) => {
      cli.stdout.write(documents[name].text())
      return DONE
    }),
  )
}
