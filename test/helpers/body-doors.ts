import type { Test } from 'tap'
import { ask, keepAlive } from './ask.ts'
import { startApp } from './build.ts'

interface Schema {
  $ref?: string
  properties?: Record<string, Schema>
  anyOf?: Schema[]
  items?: Schema
}
/** A value that no body may contain, and the refusal's message about the field that contains it. */
export interface Refused {
  json: string
  says: (field: string) => string
}

/** The parts of an OpenAPI document that describe request bodies. */
interface ApiDocument {
  paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: Schema }> } }>>
  components: { schemas: Record<string, Schema> }
}

/** The bodies that a schema allows: the fields of each, and a function that wraps it in its surrounding JSON. */
function bodiesOf(schema: Schema, document: ApiDocument, around = (body: string) => body): [string[], typeof around][] {
  if (schema.$ref !== undefined) {
    return bodiesOf(document.components.schemas[schema.$ref.split('/').at(-1)!]!, document, around)
  }
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap(form => bodiesOf(form, document, around))
  if (schema.items !== undefined) return bodiesOf(schema.items, document, body => around(`[${body}]`))
  return [[[...Object.keys(schema.properties ?? {}), '__proto', 'unknown'], around]]
}

/** Sends each value in each field of every body of every route, and fails if one is not refused as expected. */
export async function expectRefusedEverywhere(t: Test, values: readonly Refused[]): Promise<void> {
  const { url, token, call } = await startApp(t)
  const admin = await token('admin')
  const { body: document } = await call<ApiDocument>(undefined, 'GET', '/openapi.json')
  const agent = keepAlive()
  let doors = 0
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, { requestBody }] of Object.entries(operations)) {
      const content = requestBody?.content['application/json']
      if (content === undefined) continue
      for (const [fields, around] of bodiesOf(content.schema, document)) {
        for (const field of fields) {
          doors++
          for (const { json, says } of values) {
            const place = url + path.replace('{action}', 'complete').replaceAll(/\{\w+\}/g, 'x1')
            const body = around(`{"${field}":${json}}`)
            const asked = { agent, method: method.toUpperCase(), token: admin, json: body }
            const { status, body: refusal } = await ask<{ code: string; message: string }>(place, asked)
            const door = `${method} ${path} ${field}: ${json.slice(0, 30)}, ${json.length} characters`
            if (status !== 400 || refusal.code !== 'invalid_request') t.fail(`${door}: ${status}`)
            if (!refusal.message.includes(says(field))) t.fail(`${door}: ${refusal.message}`)
          }
        }
      }
    }
  }
  t.ok(doors > 40, `${doors} fields`)
}
