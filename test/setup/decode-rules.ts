import { configSchema } from '../../src/app/config.ts'
import type { DecodeRules } from '../../src/domain/decode.ts'

/** As they are by default. */
export const DEFAULT_RULES: DecodeRules = configSchema.parse({}).events
