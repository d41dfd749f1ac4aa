package peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.apache.directory.scim.protocol.ErrorMessageType;
import org.apache.directory.scim.protocol.data.ListResponse;
import org.apache.directory.scim.protocol.data.PatchRequest;
import org.apache.directory.scim.protocol.data.SearchRequest;
import org.apache.directory.scim.spec.extension.EnterpriseExtension;
import org.apache.directory.scim.spec.filter.Filter;
import org.apache.directory.scim.spec.filter.FilterBuilder;
import org.apache.directory.scim.spec.filter.SortOrder;
import org.apache.directory.scim.spec.filter.attribute.AttributeReference;
import org.apache.directory.scim.spec.patch.PatchOperation;
import org.apache.directory.scim.spec.patch.PatchOperationPath;
import org.apache.directory.scim.spec.resources.PhoneNumber;
import org.apache.directory.scim.spec.resources.ScimUser;
import org.junit.jupiter.api.Test;

class UsersTest {
  private static ListResponse<ScimUser> query(Filter filter) throws Exception {
    String text = URLEncoder.encode(filter.getFilter(), StandardCharsets.UTF_8);
    return Server.get("/Users?filter=" + text).want(200).listOf(ScimUser.class);
  }

  private static PatchRequest patch(PatchOperation.Type type, String path, Object value) throws Exception {
    PatchOperation operation = new PatchOperation();
    operation.setOperation(type);
    operation.setPath(path == null ? null : PatchOperationPath.fromString(path));
    operation.setValue(value);
    return new PatchRequest().add(operation);
  }

  @Test
  void page() throws Exception {
    People.created();
    ListResponse<ScimUser> list = Server.get("/Users?count=1&startIndex=1").want(200).listOf(ScimUser.class);
    assertTrue(list.getSchemas().contains(ListResponse.SCHEMA_URI));
    assertEquals(1, list.getItemsPerPage());
    assertEquals(1, list.getStartIndex());
    assertEquals(1, list.getResources().size());
    assertTrue(list.getTotalResults() >= 1);
    assertFalse(list.getResources().get(0).getId().isEmpty());
    assertFalse(list.getResources().get(0).getUserName().isEmpty());
  }

  @Test
  void filterWithoutMatch() throws Exception {
    ListResponse<ScimUser> list = query(FilterBuilder.create().equalTo("userName", UUID.randomUUID().toString()).build());
    assertTrue(list.getSchemas().contains(ListResponse.SCHEMA_URI));
    assertEquals(0, list.getTotalResults());
  }

  @Test
  void filterIgnoresCase() throws Exception {
    ScimUser user = People.created();
    ListResponse<ScimUser> list =
        query(FilterBuilder.create().equalTo("userName", user.getUserName().toUpperCase()).build());
    assertEquals(1, list.getTotalResults());
    assertEquals(user, list.getResources().get(0));
  }

  @Test
  void filterOnValuePath() throws Exception {
    ScimUser user = People.created();
    Filter filter =
        FilterBuilder.create()
            .attributeHas("emails", f -> f.equalTo("type", "work").and(g -> g.equalTo("value", user.getUserName())))
            .build();
    assertEquals(List.of(user), query(filter).getResources());
  }

  @Test
  void search() throws Exception {
    ScimUser a = People.created();
    ScimUser b = People.created();
    SearchRequest request = new SearchRequest();
    request.setFilter(FilterBuilder.create().equalTo("id", a.getId()).or(f -> f.equalTo("id", b.getId())).build());
    request.setSortBy(new AttributeReference("userName"));
    request.setSortOrder(SortOrder.DESCENDING);
    request.setCount(1);
    request.setAttributes(Set.of(new AttributeReference("userName")));
    ListResponse<ScimUser> list = Server.send("POST", "/Users/.search", request).want(200).listOf(ScimUser.class);
    ScimUser last = a.getUserName().compareToIgnoreCase(b.getUserName()) > 0 ? a : b;
    assertEquals(2, list.getTotalResults());
    assertEquals(last.getUserName(), list.getResources().get(0).getUserName());
    assertNull(list.getResources().get(0).getName());
  }

  @Test
  void unknownID() throws Exception {
    Server.get("/Users/" + UUID.randomUUID()).refused(404);
  }

  @Test
  void createAndRead() throws Exception {
    ScimUser user = People.user();
    EnterpriseExtension enterprise = new EnterpriseExtension();
    enterprise.setDepartment("Optics");
    user.addExtension(enterprise);
    Server.Answer answer = Server.send("POST", "/Users", user).want(201);
    ScimUser created = answer.as(ScimUser.class);
    assertEquals(created.getMeta().getLocation(), answer.header("Location"));
    assertTrue(created.getMeta().getLocation().endsWith("/Users/" + created.getId()));
    assertEquals(user, ((ScimUser) answer.as(ScimUser.class).setId(null)).setMeta(user.getMeta()), "all that was sent came back");

    ScimUser read = Server.get("/Users/" + created.getId()).want(200).as(ScimUser.class);
    assertEquals(created, read);
    assertEquals("Optics", read.getExtension(EnterpriseExtension.class).getDepartment());
  }

  @Test
  void createTwice() throws Exception {
    ScimUser user = People.user();
    Server.send("POST", "/Users", user).want(201);
    assertEquals(ErrorMessageType.UNIQUENESS, Server.send("POST", "/Users", user).refused(409).getScimType());
  }

  @Test
  void replace() throws Exception {
    ScimUser user = People.created();
    PhoneNumber phone = new PhoneNumber();
    phone.setValue("tel:+1-555-555-5555");
    phone.setType("work");
    user.setPhoneNumbers(List.of(phone));
    ScimUser replaced = Server.send("PUT", "/Users/" + user.getId(), user).want(200).as(ScimUser.class);
    assertEquals(user.getName(), replaced.getName());
    assertEquals("tel:+1-555-555-5555", replaced.getPhoneNumbers().get(0).getValue());
    assertEquals("work", replaced.getPhoneNumbers().get(0).getType());
  }

  @Test
  void deactivateWithPatch() throws Exception {
    ScimUser user = People.created();
    PatchRequest off = patch(PatchOperation.Type.REPLACE, null, Map.of("active", false));
    assertFalse(Server.send("PATCH", "/Users/" + user.getId(), off).want(200).as(ScimUser.class).getActive());
  }

  @Test
  void location() throws Exception {
    ScimUser user = People.created();
    String path = "/Users/" + user.getId();
    PatchRequest nick = patch(PatchOperation.Type.ADD, "nickName", "Ada");
    assertEquals(
        List.of(user.getMeta().getLocation(), user.getMeta().getLocation(), user.getMeta().getLocation()),
        List.of(
            Server.get(path).want(200).header("Location"),
            Server.send("PUT", path, user).want(200).header("Location"),
            Server.send("PATCH", path, nick).want(200).header("Location")),
        "Location of GET, PUT and PATCH");
  }

  @Test
  void patchByPath() throws Exception {
    String path = "/Users/" + People.created().getId();
    ScimUser user =
        Server.send("PATCH", path, patch(PatchOperation.Type.REPLACE, "name.familyName", "Lovelace")).want(200).as(ScimUser.class);
    assertEquals("Lovelace", user.getName().getFamilyName());
    user =
        Server.send("PATCH", path, patch(PatchOperation.Type.REPLACE, "emails[type EQ \"work\"].value", "ada@example.com"))
            .want(200)
            .as(ScimUser.class);
    assertEquals("ada@example.com", user.getEmails().get(0).getValue());
    String department = EnterpriseExtension.URN + ":department";
    user = Server.send("PATCH", path, patch(PatchOperation.Type.ADD, department, "Engines")).want(200).as(ScimUser.class);
    assertEquals("Engines", user.getExtension(EnterpriseExtension.class).getDepartment());
  }

  @Test
  void delete() throws Exception {
    String path = "/Users/" + People.created().getId();
    Server.delete(path).want(204);
    Server.get(path).refused(404);
  }
}
