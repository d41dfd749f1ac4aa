package peers;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import org.apache.directory.scim.core.json.ObjectMapperFactory;
import org.apache.directory.scim.core.schema.SchemaRegistry;
import org.apache.directory.scim.protocol.Constants;
import org.apache.directory.scim.protocol.data.ErrorResponse;
import org.apache.directory.scim.protocol.data.ListResponse;
import org.apache.directory.scim.spec.extension.EnterpriseExtension;
import org.apache.directory.scim.spec.resources.ScimGroup;
import org.apache.directory.scim.spec.resources.ScimUser;

/** The server at PEER_URL, spoken to with the key PEER_TOKEN: all JSON is written and read by SCIMple. */
final class Server {
  private static final ObjectMapper JSON = mapper();
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private Server() {}

  private static ObjectMapper mapper() {
    SchemaRegistry registry = new SchemaRegistry();
    registry.addSchema(ScimUser.class, List.of(EnterpriseExtension.class));
    registry.addSchema(ScimGroup.class, List.of());
    return ObjectMapperFactory.createObjectMapper(registry);
  }

  static Answer get(String path) throws Exception {
    return send("GET", path, HttpRequest.BodyPublishers.noBody());
  }

  static Answer delete(String path) throws Exception {
    return send("DELETE", path, HttpRequest.BodyPublishers.noBody());
  }

  /** Sends an object of SCIMple's, or a string as it is. */
  static Answer send(String method, String path, Object body) throws Exception {
    String text = body instanceof String s ? s : JSON.writeValueAsString(body);
    return send(method, path, HttpRequest.BodyPublishers.ofString(text));
  }

  private static Answer send(String method, String path, HttpRequest.BodyPublisher body) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(System.getenv("PEER_URL") + path))
            .header("Authorization", "Bearer " + System.getenv("PEER_TOKEN"))
            .header("Accept", Constants.SCIM_CONTENT_TYPE)
            .header("Content-Type", Constants.SCIM_CONTENT_TYPE)
            .method(method, body)
            .build();
    return new Answer(HTTP.send(request, HttpResponse.BodyHandlers.ofString()));
  }

  record Answer(HttpResponse<String> http) {
    int status() {
      return http.statusCode();
    }

    String header(String name) {
      return http.headers().firstValue(name).orElse("");
    }

    <T> T as(Class<T> type) throws Exception {
      return JSON.readValue(http.body(), type);
    }

    <T> ListResponse<T> listOf(Class<T> type) throws Exception {
      return JSON.readValue(
          http.body(), JSON.getTypeFactory().constructParametricType(ListResponse.class, type));
    }

    /** Wants a status, and SCIM's media type on every body. */
    Answer want(int status) {
      if (status() != status) {
        throw new AssertionError("status " + status() + " instead of " + status + ": " + http.body());
      }
      if (!http.body().isEmpty() && !header("Content-Type").equals(Constants.SCIM_CONTENT_TYPE)) {
        throw new AssertionError("Content-Type " + header("Content-Type"));
      }
      return this;
    }

    ErrorResponse refused(int status) throws Exception {
      ErrorResponse error = want(status).as(ErrorResponse.class);
      if (!error.getSchemas().contains(ErrorResponse.SCHEMA_URI)
          || error.getStatus().getStatusCode() != status
          || error.getDetail() == null
          || error.getDetail().isEmpty()) {
        throw new AssertionError("no SCIM error: " + http.body());
      }
      return error;
    }
  }
}
