import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Jti, MintedToken, MintTokenBody, PageQuery, TokenPage, wireError } from '@fleetwire/protocol'
import { Type } from '@sinclair/typebox'
import { answerRevocation, unavailable } from './revocation-answer.ts'

const ListQuery = Type.Object(PageQuery, { additionalProperties: false })
const Params = Type.Object({ jti: Jti })
const RevokeQuery = Type.Object(
  {
    expiresAt: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 8.64e15,
        description:
          'Of a token that was not minted here: its exp in epoch ms. The revocation is kept until then; without it for good',
      }),
    ),
  },
  { additionalProperties: false },
)
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
        summary: 'Revoke a token, whoever issued it; its sockets are closed',
        params: Params,
        querystring: RevokeQuery,
        refusals: ['not_found', 'conflict'],
        response: { 204: Type.Null({ description: 'Revoked, now or before' }) },
      },
    },
    async ({ params: { jti }, query, principal }, reply) =>
      answerRevocation(reply, await app.tokens.revoke(jti, { ...query, revokedBy: principal.sub })),
  )
}

export default tokens
