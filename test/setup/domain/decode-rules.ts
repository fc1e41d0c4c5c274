import { configSchema } from '../../../src/app/config/config.ts'
import type { DecodeRules } from '../../../src/domain/event/decode.ts'

/** As they are by default. */
export const DEFAULT_RULES: DecodeRules = configSchema.parse({}).events
