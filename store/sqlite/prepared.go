package sqlite

// prepared are the statements of writes that happen often. They run in transactions
// only, in which nothing can be prepared that outlives them.
var prepared = []string{
	insertEvent, moveHead,
	selectKeyTaken, insertKey, deleteKeys, addCount,
	insertUser, selectUserState, selectNameTaken, updateUser, deleteUser, selectGroupsOfMember, leaveGroups, touchGroup,
	insertGroup, selectGroupState, updateGroup, deleteGroup, deleteMembers,
	insertMember, deleteMember, selectMemberIDs,
	putGrant, deleteGrant,
	insertRecord, selectRecordState, updateRecord, updateBody, deleteRecord, selectUniqueOwner,
	insertUnique, deleteUnique, insertIndex, deleteIndex,
}
