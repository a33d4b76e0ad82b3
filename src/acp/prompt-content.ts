import type { ContentBlock, PromptCapabilities } from '@agentclientprotocol/sdk'

export type PromptContent = { ok: true; blocks: ContentBlock[]; text: string } | { ok: false; message: string }

const FORMS = 'a prompt is a text, an object with a "text", or a list of content blocks of the Agent Client Protocol'

/** Converts a command's input to a prompt. `text` is the prompt in readable form. */
export function promptContent(input: unknown, takes: PromptCapabilities | undefined): PromptContent {
  const blocks = blocksOf(input)
  if (blocks === undefined) return { ok: false, message: `invalid input: ${FORMS}.` }
  const needs = { image: takes?.image, audio: takes?.audio, resource: takes?.embeddedContext }
  for (const { type } of blocks)
    if (type in needs && !needs[type as keyof typeof needs])
      return { ok: false, message: `invalid input: the program does not accept content of the type "${type}".` }
  const text = blocks.map(describeContent).join('\n')
  return text.trim() === '' ? { ok: false, message: 'invalid input: the prompt is empty.' } : { ok: true, blocks, text }
}

function blocksOf(input: unknown): ContentBlock[] | undefined {
  if (typeof input === 'string') return [{ type: 'text', text: input }]
  if (Array.isArray(input)) return input.length > 0 && input.every(isBlock) ? input : undefined
  if (typeof input !== 'object' || input === null) return undefined
  const { text, prompt } = input as { text?: unknown; prompt?: unknown }
  return typeof text === 'string' ? [{ type: 'text', text }] : blocksOf(prompt)
}

const has = (block: Record<string, unknown>, ...names: string[]) => names.every(name => typeof block[name] === 'string')

function isBlock(block: unknown): block is ContentBlock {
  if (typeof block !== 'object' || block === null) return false
  const fields = block as Record<string, unknown>
  switch (fields.type) {
    case 'text':
      return has(fields, 'text')
    case 'image':
    case 'audio':
      return has(fields, 'data', 'mimeType')
    case 'resource_link':
      return has(fields, 'uri', 'name')
    case 'resource':
      return typeof fields.resource === 'object' && fields.resource !== null && 'uri' in fields.resource
    default:
      return false
  }
}

/** Content as text. For content that is not text, a description. */
export function describeContent(block: ContentBlock): string {
  switch (block.type) {
    case 'text':
      return block.text
    case 'image':
    case 'audio':
      return `[${block.type} ${block.mimeType}, ${Math.floor((block.data.length * 3) / 4)} bytes]`
    case 'resource_link':
      return `[${block.title ?? block.name}](${block.uri})`
    case 'resource':
      return 'text' in block.resource ? `[${block.resource.uri}]\n${block.resource.text}` : `[${block.resource.uri}]`
    default:
      return `[${(block as { type: string }).type}]`
  }
}
