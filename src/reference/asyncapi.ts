import * as protocol from '@fleetwire/protocol'
import { shareSchemas } from '../shared-schemas.ts'
import { type FrameEntry, type FrameGroup, frameGroups } from './frame-groups.ts'

export interface AsyncApiOptions {
  version: string
  /** Where clients reach this server. `pathname`: the prefix under which it is mounted. */
  server: { host: string; protocol: 'ws' | 'wss'; pathname: string }
  /** Whether `?token=` is accepted. */
  queryToken: boolean
}

interface Channel {
  id: string
  address: string
  peer: FrameGroup['peer']
  title: string
  description: string
  parameters?: Record<string, { description: string }>
}

export const channels: readonly Channel[] = [
  {
    ...{ id: 'agent', address: '/agent', peer: 'agent', title: 'Agents' },
    description: 'One agent: the `sub` of its token is its id, the role is `agent`. It begins with `agent:connect`.',
  },
  {
    ...{ id: 'ws', address: '/ws', peer: 'client', title: 'Clients' },
    description: 'Dashboards, backends and the CLI: any token except an agent’s.',
  },
  {
    ...{ id: 'wsTask', address: '/ws/tasks/{taskId}', peer: 'client', title: 'Clients that follow one task' },
    description: 'Like `/ws`, subscribed to one task from the start, with a snapshot.',
    parameters: { taskId: { description: 'The task' } },
  },
]

export const securitySchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: '`Authorization: Bearer <jwt>`. The first of these sources that is present is used.',
  },
  subprotocol: {
    type: 'httpApiKey',
    in: 'header',
    name: 'Sec-WebSocket-Protocol',
    description: '`fleetwire.v1, bearer.<jwt>`, for browsers: `fleetwire.v1` is selected, the token is never echoed.',
  },
  query: {
    type: 'httpApiKey',
    in: 'query',
    name: 'token',
    description: '`?token=<jwt>`; can be switched off (`FLEETWIRE_ALLOW_QUERY_TOKEN`).',
  },
} as const

const refTo = (path: string) => ({ $ref: `#/${path}` })
const byId = <T extends { id: string }, V>(items: readonly T[], value: (item: T) => V): Record<string, V> =>
  Object.fromEntries(items.map(item => [item.id, value(item)]))

const { schemas, refer } = shareSchemas(Object.values(protocol), id => `#/components/schemas/${id}`)

const message = ({ type, says, schema, example }: FrameEntry) => ({
  name: type,
  summary: says,
  contentType: 'application/json',
  correlationId: {
    location: '$message.payload#/id',
    description: 'Replies carry the `id` of the frame that they answer',
  },
  payload: refer(schema),
  examples: [{ name: type, payload: example }],
})

const groupsOf = ({ peer }: Channel) => frameGroups.filter(group => group.peer === peer)

/** Per direction, one operation for each type of answer, and one for frames without an answer. */
function operationsOf(channel: Channel): [name: string, operation: object][] {
  const channelRef = refTo(`channels/${channel.id}`)
  const refsTo = (frames: readonly FrameEntry[]) =>
    frames.map(({ id }) => refTo(`channels/${channel.id}/messages/${id}`))
  const groups = groupsOf(channel)
  const sent = groups.filter(({ action }) => action === 'send').flatMap(({ frames }) => frames)

  return groups.flatMap(({ id, title, action, frames }) =>
    [...new Set(frames.map(frame => frame.answer))].map((answer): [string, object] => [
      [channel.id, id, answer?.replace(':', '.')].filter(part => part !== undefined).join('.'),
      {
        action,
        channel: channelRef,
        title,
        messages: refsTo(frames.filter(frame => frame.answer === answer)),
        ...(answer !== undefined && {
          reply: { channel: channelRef, messages: refsTo(sent.filter(({ type }) => type === answer)) },
        }),
      },
    ]),
  )
}

/** Every frame of every socket as an AsyncAPI 3 document, from the perspective of the server. */
export function asyncApiDocument({ version, server, queryToken }: AsyncApiOptions) {
  const { query, ...always } = securitySchemes
  const security = queryToken ? securitySchemes : always
  const upgrade = { type: 'object', properties: { token: { type: 'string', description: query.description } } }
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Fleetwire over WebSockets',
      version,
      description:
        'One JSON object a line; a text message may hold several. Every rule of the protocol: packages/protocol/SPEC.md. REST: /openapi.json.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    servers: {
      this: { ...server, security: Object.keys(security).map(name => refTo(`components/securitySchemes/${name}`)) },
    },
    channels: byId(channels, channel => ({
      address: channel.address,
      title: channel.title,
      description: channel.description,
      ...(channel.parameters !== undefined && { parameters: channel.parameters }),
      messages: Object.assign(
        {},
        ...groupsOf(channel).map(({ frames }) => byId(frames, ({ id }) => refTo(`components/messages/${id}`))),
      ),
      bindings: { ws: { method: 'GET', ...(queryToken && { query: upgrade }), bindingVersion: '0.1.0' } },
    })),
    operations: Object.fromEntries(channels.flatMap(operationsOf)),
    components: {
      securitySchemes: security,
      messages: byId(
        frameGroups.flatMap(({ frames }) => frames),
        message,
      ),
      schemas: Object.fromEntries(schemas.map(({ $id, ...schema }) => [$id, schema])),
    },
  }
}
