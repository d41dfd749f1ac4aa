package peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.apache.directory.scim.protocol.data.ListResponse;
import org.apache.directory.scim.spec.extension.EnterpriseExtension;
import org.apache.directory.scim.spec.resources.ScimGroup;
import org.apache.directory.scim.spec.resources.ScimUser;
import org.apache.directory.scim.spec.schema.ResourceType;
import org.apache.directory.scim.spec.schema.Schema;
import org.apache.directory.scim.spec.schema.ServiceProviderConfiguration;
import org.junit.jupiter.api.Test;

class DiscoveryTest {
  @Test
  void serviceProviderConfig() throws Exception {
    ServiceProviderConfiguration config =
        Server.get("/ServiceProviderConfig").want(200).as(ServiceProviderConfiguration.class);
    assertTrue(config.getSchemas().contains(ServiceProviderConfiguration.SCHEMA_URI));
    assertTrue(config.getPatch().isSupported());
    assertTrue(config.getFilter().isSupported());
    assertTrue(config.getFilter().getMaxResults() > 0);
    assertTrue(config.getBulk().getMaxOperations() > 0);
    assertTrue(config.getBulk().getMaxPayloadSize() > 0);
    assertEquals(
        ServiceProviderConfiguration.AuthenticationSchema.Type.OAUTH_BEARER,
        config.getAuthenticationSchemes().get(0).getType());
    assertFalse(config.getAuthenticationSchemes().get(0).getDescription().isEmpty());
  }

  @Test
  void resourceTypes() throws Exception {
    ListResponse<ResourceType> list = Server.get("/ResourceTypes").want(200).listOf(ResourceType.class);
    assertEquals(list.getTotalResults(), list.getResources().size());
    assertEquals(list.getItemsPerPage(), list.getResources().size());
    assertEquals(1, list.getStartIndex());
    assertTrue(list.getResources().stream().anyMatch(t ->
        t.getName().equals("User") && t.getEndpoint().equals("/Users") && t.getSchemaUrn().equals(ScimUser.SCHEMA_URI)));
    assertTrue(list.getResources().stream().anyMatch(t ->
        t.getName().equals("Group") && t.getEndpoint().equals("/Groups") && t.getSchemaUrn().equals(ScimGroup.SCHEMA_URI)));
  }

  @Test
  void schemas() throws Exception {
    ListResponse<Schema> list = Server.get("/Schemas").want(200).listOf(Schema.class);
    List<String> ids = list.getResources().stream().map(Schema::getId).toList();
    assertTrue(ids.containsAll(List.of(ScimUser.SCHEMA_URI, ScimGroup.SCHEMA_URI, EnterpriseExtension.URN)), ids.toString());
    for (Schema schema : list.getResources()) {
      assertFalse(schema.getAttributes().isEmpty(), schema.getId());
    }
  }

  @Test
  void readOnly() throws Exception {
    for (String path : List.of("/ServiceProviderConfig", "/ResourceTypes", "/Schemas")) {
      Server.send("POST", path, "").refused(405);
    }
  }
}
