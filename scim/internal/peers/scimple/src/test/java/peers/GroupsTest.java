package peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.UUID;
import org.apache.directory.scim.protocol.data.ListResponse;
import org.apache.directory.scim.protocol.data.PatchRequest;
import org.apache.directory.scim.spec.patch.PatchOperation;
import org.apache.directory.scim.spec.patch.PatchOperationPath;
import org.apache.directory.scim.spec.resources.GroupMembership;
import org.apache.directory.scim.spec.resources.ScimGroup;
import org.apache.directory.scim.spec.resources.ScimUser;
import org.junit.jupiter.api.Test;

class GroupsTest {
  private static ScimGroup group(ScimUser... members) {
    ScimGroup group = new ScimGroup();
    group.setDisplayName("Group-" + UUID.randomUUID());
    for (ScimUser user : members) {
      GroupMembership member = new GroupMembership();
      member.setValue(user.getId());
      member.setDisplay(user.getUserName());
      group.addMember(member);
    }
    return group;
  }

  private static boolean empty(ScimGroup group) {
    return group.getMembers() == null || group.getMembers().isEmpty();
  }

  private static PatchRequest withoutMember(String id) throws Exception {
    PatchOperation operation = new PatchOperation();
    operation.setOperation(PatchOperation.Type.REMOVE);
    operation.setPath(PatchOperationPath.fromString("members[value EQ \"" + id + "\"]"));
    return new PatchRequest().add(operation);
  }

  @Test
  void page() throws Exception {
    Server.send("POST", "/Groups", group()).want(201);
    ListResponse<ScimGroup> list = Server.get("/Groups").want(200).listOf(ScimGroup.class);
    assertTrue(list.getSchemas().contains(ListResponse.SCHEMA_URI));
    assertEquals(1, list.getStartIndex());
    assertEquals(list.getItemsPerPage(), list.getResources().size());
    assertTrue(list.getTotalResults() >= 1);
    assertFalse(list.getResources().get(0).getId().isEmpty());
  }

  @Test
  void createAndRead() throws Exception {
    ScimUser user = People.created();
    ScimGroup group = group(user);
    Server.Answer answer = Server.send("POST", "/Groups", group).want(201);
    ScimGroup created = answer.as(ScimGroup.class);
    assertEquals(created.getMeta().getLocation(), answer.header("Location"));
    assertTrue(created.getMeta().getLocation().endsWith("/Groups/" + created.getId()));
    assertEquals(group.getDisplayName(), created.getDisplayName());
    assertEquals(user.getId(), created.getMembers().get(0).getValue());
    assertEquals(GroupMembership.Type.USER, created.getMembers().get(0).getType());

    assertEquals(created, Server.get("/Groups/" + created.getId()).want(200).as(ScimGroup.class));
    ScimUser member = Server.get("/Users/" + user.getId()).want(200).as(ScimUser.class);
    assertEquals(created.getId(), member.getGroups().get(0).getValue());
  }

  /** SCIMple's suite wants to read the name of a member as it wrote it. */
  @Test
  void memberDisplay() throws Exception {
    ScimUser user = People.created();
    ScimGroup created = Server.send("POST", "/Groups", group(user)).want(201).as(ScimGroup.class);
    assertEquals(user.getUserName(), created.getMembers().get(0).getDisplay(), "members.display");
  }

  /** SCIMple's suite wants two groups of one name to be refused. */
  @Test
  void createTwice() throws Exception {
    ScimGroup group = group();
    Server.send("POST", "/Groups", group).want(201);
    Server.send("POST", "/Groups", group).refused(409);
  }

  @Test
  void unknownID() throws Exception {
    Server.get("/Groups/" + UUID.randomUUID()).refused(404);
  }

  @Test
  void replace() throws Exception {
    ScimGroup group = group(People.created());
    ScimGroup created = Server.send("POST", "/Groups", group).want(201).as(ScimGroup.class);
    ScimGroup without = group();
    without.setDisplayName(group.getDisplayName());
    assertTrue(empty(Server.send("PUT", "/Groups/" + created.getId(), without).want(200).as(ScimGroup.class)));
  }

  @Test
  void location() throws Exception {
    ScimGroup created = Server.send("POST", "/Groups", group()).want(201).as(ScimGroup.class);
    String path = "/Groups/" + created.getId();
    assertEquals(
        List.of(created.getMeta().getLocation(), created.getMeta().getLocation()),
        List.of(
            Server.get(path).want(200).header("Location"),
            Server.send("PUT", path, created).want(200).header("Location")),
        "Location of GET and PUT");
  }

  @Test
  void removeMemberWithPatch() throws Exception {
    ScimUser leaves = People.created();
    ScimUser stays = People.created();
    String path = "/Groups/" + Server.send("POST", "/Groups", group(leaves, stays)).want(201).as(ScimGroup.class).getId();
    Server.send("PATCH", path, withoutMember(leaves.getId())).want(204);
    ScimGroup group = Server.get(path).want(200).as(ScimGroup.class);
    assertEquals(1, group.getMembers().size());
    assertEquals(stays.getId(), group.getMembers().get(0).getValue());
  }

  /** SCIMple's suite wants the group as the answer. */
  @Test
  void patchAnswersWithTheGroup() throws Exception {
    ScimUser user = People.created();
    String path = "/Groups/" + Server.send("POST", "/Groups", group(user)).want(201).as(ScimGroup.class).getId();
    Server.Answer answer = Server.send("PATCH", path, withoutMember(user.getId())).want(200);
    assertTrue(empty(answer.as(ScimGroup.class)));
  }

  @Test
  void delete() throws Exception {
    String path = "/Groups/" + Server.send("POST", "/Groups", group()).want(201).as(ScimGroup.class).getId();
    Server.delete(path).want(204);
    Server.get(path).refused(404);
  }
}
