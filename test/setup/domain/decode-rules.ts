import { configSchema } from '../../../src/app/config/config.ts'
import type { DecodeRules } from '../../../src/domain/event/decode.ts'

/** The rules of the default configuration. */
export const DEFAULT_RULES: DecodeRules = configSchema.parse({}).events
