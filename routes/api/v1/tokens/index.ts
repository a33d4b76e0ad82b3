import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Id, MintedToken, MintTokenBody, PageQuery, TokenPage, wireError } from '@fleetwire/protocol'
import { Type } from '@sinclair/typebox'

const ListQuery = Type.Object(PageQuery, { additionalProperties: false })
const Params = Type.Object({ jti: Id })
const unavailable = ({ retryAfterMs }: { retryAfterMs: number }) =>
  wireError('unavailable', 'The log cannot accept now. Nothing was changed.', { retryAfterMs })

const tokens: FastifyPluginAsyncTypebox = async app => {
  app.addHook('onRequest', app.authorize('admin'))

  app.post(
    '',
    {
      schema: {
        tags: ['tokens'],
        summary: 'Mint a token',
        body: MintTokenBody,
        refusals: ['conflict'],
        response: { 201: MintedToken },
      },
    },
    async (request, reply) => {
      const result = await app.tokens.mintAs(request.principal, request.body)
      switch (result.status) {
        case 'minted':
          return reply.code(201).send({ token: result.token, jti: result.jti, expiresAt: result.expiresAt })
        case 'refused':
          return reply.refuse(result.refusal)
        case 'disabled':
          return reply.refuse(
            wireError('conflict', 'Tokens are minted by another issuer here (JWT_PUBLIC_KEY or JWKS_URL is set).'),
          )
        case 'unavailable':
          return reply.refuse(unavailable(result))
      }
    },
  )

  app.get(
    '',
    {
      schema: {
        tags: ['tokens'],
        summary: 'List tokens, newest first',
        querystring: ListQuery,
        response: { 200: TokenPage },
      },
    },
    async ({ query: { limit = 50, cursor } }) => app.tokens.list({ limit, page: cursor }),
  )

  app.delete(
    '/:jti',
    {
      schema: {
        tags: ['tokens'],
        summary: 'Revoke a token; its sockets are closed',
        params: Params,
        refusals: ['not_found'],
        response: { 204: Type.Null({ description: 'Revoked, now or before' }) },
      },
    },
    async ({ params: { jti } }, reply) => {
      const result = await app.tokens.revoke(jti)
      switch (result.status) {
        case 'revoked':
          return reply.code(204).send(null)
        case 'not_found':
          return reply.refuse(wireError('not_found', `There is no token ${jti}.`))
        case 'unavailable':
          return reply.refuse(unavailable(result))
      }
    },
  )
}
export default tokens
