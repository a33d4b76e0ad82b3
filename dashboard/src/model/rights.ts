/** What a role may do. The server decides; pages only hide what it would refuse. */
export const mayOperate = (role: string | undefined): boolean => role === 'operator' || role === 'admin'
export const mayAdminister = (role: string | undefined): boolean => role === 'admin'

export const operatorNeeded = 'Your token is read-only. Commands and answers require the role operator.'
