import type { TSchema } from '@sinclair/typebox'
import * as schemas from '../schemas.ts'
import { type CheckTable, CheckWriter } from './emit-checks.ts'
import { emitSchemas } from './emit-schemas.ts'

/** The permitted fields of each payload; null if its schema does not list them all. */
function fieldNames(name: string, payloads: CheckTable): string {
  const names = (schema: TSchema): string[] | null =>
    schema.properties === undefined || schema.additionalProperties !== undefined ? null : Object.keys(schema.properties)
  const entries = Object.entries(payloads).map(([type, schema]) => [type, names(schema)])
  return `export const ${name} = ${JSON.stringify(Object.fromEntries(entries))}\n`
}

function checks(): string {
  const { clientPayloads, serverPayloads, agentPayloads, agentServerPayloads, eventPayloads } = schemas
  const writer = new CheckWriter()
  const tables = [
    writer.table('clientChecks', clientPayloads),
    writer.table('serverChecks', serverPayloads),
    writer.table('agentChecks', agentPayloads),
    writer.table('agentServerChecks', agentServerPayloads),
    writer.table('eventChecks', eventPayloads),
    writer.table('claimsChecks', { person: schemas.Claims, agent: schemas.AgentClaims }),
    fieldNames('clientFields', clientPayloads),
    fieldNames('agentFields', agentPayloads),
  ]
  return writer.source('../check/rules.js') + tables.join('')
}

/** The modules generated when the package is built, by file name in `dist/generated`. */
export const generateModules = (): Record<string, string> => ({
  'checks.js': checks(),
  'schemas.js': emitSchemas(schemas),
})
