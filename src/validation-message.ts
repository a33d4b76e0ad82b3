import { type WireError, wireError } from '@fleetwire/protocol'

/** One flaw as a JSON Schema validator reports it (with Ajv's names). */
export interface SchemaFlaw {
  keyword: string
  instancePath: string
  params: Record<string, unknown>
  message?: string | undefined
}

/** One sentence that names the field: `body.role must be one of viewer, operator`. `part` is `body`, `querystring` … */
export function validationMessage(flaws: readonly SchemaFlaw[], part: string): WireError {
  const where = part === 'querystring' ? 'query' : part
  const [first] = flaws
  if (first === undefined) return wireError('invalid_request', `The ${where} is not valid.`)
  const { instancePath, keyword, params, message } = first
  const member = { required: params.missingProperty, additionalProperties: params.additionalProperty }[keyword]
  const path = typeof member === 'string' ? `${instancePath}/${member}` : instancePath
  const field = `${where}${path.replaceAll('/', '.')}`
  return wireError('invalid_request', `${field} ${expectation()}.`, { in: where, path })

  function expectation(): string {
    switch (keyword) {
      case 'required':
        return 'is required'
      case 'additionalProperties':
        return 'is not a field of this request'
      case 'const':
        return `must be one of ${flaws.flatMap(flaw => (flaw.keyword === 'const' ? [flaw.params.allowedValue] : [])).join(', ')}`
      default:
        return message ?? 'is not valid'
    }
  }
}
