import { stringify } from 'yaml'
import { asyncApiDocument, eventJsonSchema } from '../domain/event/published-schema.ts'
import { configJsonSchema } from './config/fields.ts'

/** The published documents, and the file of each. `npm run schemas` regenerates the files. */
export const documents = {
  event: { file: 'docs/group-event.schema.json', text: () => json(eventJsonSchema()) },
  asyncapi: { file: 'docs/asyncapi.yaml', text: () => stringify(asyncApiDocument()) },
  config: { file: 'docs/config.schema.json', text: () => json(configJsonSchema()) },
} as const

export type DocumentName = keyof typeof documents

function json(document: unknown): string {
  return `${JSON.stringify(document, null, 2)}\n`
}
