interface Schema {
  $ref?: string
  properties?: Record<string, Schema>
  anyOf?: Schema[]
  items?: Schema
}
/** As much of an OpenAPI document as says what bodies there are. */
export interface ApiDocument {
  paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: Schema }> } }>>
  components: { schemas: Record<string, Schema> }
}

/** The bodies that a schema allows, as the fields of each and what stands around it. */
export function bodiesOf(
  schema: Schema,
  document: ApiDocument,
  around = (body: string) => body,
): [string[], typeof around][] {
  if (schema.$ref !== undefined) {
    return bodiesOf(document.components.schemas[schema.$ref.split('/').at(-1)!]!, document, around)
  }
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap(form => bodiesOf(form, document, around))
  if (schema.items !== undefined) return bodiesOf(schema.items, document, body => around(`[${body}]`))
  return [[[...Object.keys(schema.properties ?? {}), '__proto', 'unknown'], around]]
}
