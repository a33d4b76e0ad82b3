import { type Static, Type } from '@sinclair/typebox'
import { type Key, keys } from './keys.ts'

const Keys = Type.Array(Type.Union((Object.keys(keys) as Key[]).map(key => Type.Literal(key))), {
  minItems: 1,
  maxItems: 8,
  description: 'Keys, pressed in this order',
})

const Expression = Type.String({ minLength: 1, maxLength: 1000, description: 'A JavaScript regular expression' })

/**
 * A regular expression for the last lines of the screen, joined by line feeds (`^` and `$` match at each line). As
 * `cursorLine`, it is for the cursor's line up to the cursor, to recognise prompts.
 */
export const Pattern = Type.Union([
  Expression,
  Type.Object({ cursorLine: Expression }, { additionalProperties: false }),
])
export type Pattern = Static<typeof Pattern>

const Patterns = Type.Array(Pattern, { maxItems: 64 })

/** How to recognise a program and read its screen, and which keys it understands. */
export const ProgramRules = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,63}$', description: 'Lower-case letters, digits and -' }),
    commands: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
        maxItems: 64,
        description: 'Names of the program, without folder and extension; * stands for any characters',
      }),
    ),
    packages: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 214 }), {
        maxItems: 64,
        description: 'What npx, uvx, python -m and the like are given to start it',
      }),
    ),
    interactive: Type.Optional(
      Type.Boolean({ description: 'Only without a script or a command: an interpreter used interactively' }),
    ),
    waiting: Type.Optional(Patterns),
    working: Type.Optional(Patterns),
    idle: Type.Optional(Patterns),
    otherwise: Type.Optional(
      Type.Literal('working', {
        description: 'A screen that matches nothing counts as working, once a pattern of `idle` has matched',
      }),
    ),
    rows: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 200, description: 'How many of the last lines are examined' }),
    ),
    quietMs: Type.Optional(
      Type.Integer({
        minimum: 100,
        maximum: 600_000,
        description: 'Silence that counts as idle where no pattern matches',
      }),
    ),
    interrupt: Type.Optional(Keys),
    submit: Type.Optional(
      Type.Object(
        {
          keys: Type.Optional(Keys),
          paste: Type.Optional(
            Type.Union([Type.Literal('auto'), Type.Literal('bracketed'), Type.Literal('plain')], {
              description: 'auto: bracketed where the program has asked for it',
            }),
          ),
          afterMs: Type.Optional(
            Type.Integer({ minimum: 0, maximum: 10_000, description: 'Between the text and the key that submits it' }),
          ),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
)
export type ProgramRules = Static<typeof ProgramRules>

/** A file in which users add programs and change built-in ones. */
export const RulesFile = Type.Object(
  {
    $schema: Type.Optional(Type.String()),
    programs: Type.Array(ProgramRules, { maxItems: 256 }),
  },
  { additionalProperties: false },
)
export type RulesFile = Static<typeof RulesFile>
