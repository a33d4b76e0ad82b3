export const customTypePattern = /^custom:[A-Za-z0-9._-]{1,64}$/
export const isCustomType = (type: string): boolean => customTypePattern.test(type)
