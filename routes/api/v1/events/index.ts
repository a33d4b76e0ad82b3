import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { EventPage, HistoryQuery, PublishBody, Published, wireError } from '@fleetwire/protocol'
import fp from 'fastify-plugin'
import { canSeeEntry } from '../../../../src/auth/permissions.ts'
import { ownersOf, publicationOf } from '../../../../src/events/publishing.ts'
import { unavailable } from '../../../../src/outcome.ts'
import { topicsOf } from './topics.ts'

const tags = ['events']

/** The log over REST: read what happened, and publish events. */
const events: FastifyPluginAsyncTypebox = async app => {
  const { eventLog } = app

  app.get(
    '/events',
    {
      config: { onAnyNode: true },
      schema: {
        tags,
        summary: 'Page through past events',
        description: 'A page may have fewer events than `limit`; it is the last one if `nextCursor` is null.',
        querystring: HistoryQuery,
        refusals: ['cursor_gone', 'subscription_limit'],
        response: { 200: EventPage },
      },
    },
    async ({ principal, query: { topics: text, after, before, limit = 50 } }, reply) => {
      if (after !== undefined && before !== undefined)
        return reply.refuse(wireError('invalid_request', 'Give `after` or `before`, not both.'))
      const verdict = topicsOf(principal, text)
      if (verdict.status === 'refused') return reply.refuse(verdict.error)
      const from = after === undefined ? { before: before ?? null } : { after }
      const page = await eventLog.read({ topics: verdict.topics, limit, ...from })
      if (page.status === 'gone') {
        const { reason } = page
        return reply.refuse(
          reason === 'malformed'
            ? wireError('invalid_request', 'This is not the cursor of an event.')
            : wireError('cursor_gone', `The cursor cannot be continued (${reason}): start without one.`, { reason }),
        )
      }
      const items = page.events
        .filter(event => canSeeEntry(principal, event))
        .map(({ type, topic, cursor, at, payload }) => ({ type, topic, cursor, at, payload }))
      return { items, nextCursor: page.done ? null : page.next, cursor: page.next }
    },
  )

  app.post(
    '/events',
    {
      schema: {
        tags,
        summary: 'Publish your own events, all or none',
        body: PublishBody,
        refusals: ['not_found'],
        response: { 202: Published },
      },
    },
    async ({ principal, body }, reply) => {
      const drafts = []
      const events = Array.isArray(body) ? body : [body]
      const owners = await ownersOf(events, app.tasks.ownerOf)
      if (owners === undefined) return reply.refuse(unavailable())
      for (const [i, event] of events.entries()) {
        const publication = publicationOf(principal, event, owners[i])
        if ('refusal' in publication) return reply.refuse(publication.refusal)
        drafts.push(publication.draft)
      }
      const appended = await eventLog.append(drafts)
      if (appended.status !== 'ok') return reply.refuse(unavailable(appended.status === 'unavailable' ? appended : {}))
      return reply.code(202).send({ cursor: appended.events.at(-1)!.cursor })
    },
  )
}
export default fp(events, { name: 'fleetwire-routes-api-events', encapsulate: true })
