package peers;

import java.util.List;
import java.util.UUID;
import org.apache.directory.scim.spec.resources.Email;
import org.apache.directory.scim.spec.resources.Name;
import org.apache.directory.scim.spec.resources.ScimUser;

/** Makes users whom no other test knows. */
final class People {
  private People() {}

  static ScimUser user() throws Exception {
    String given = "Given-" + UUID.randomUUID().toString().substring(0, 8);
    String address = given + "@example.com";
    Email email = new Email();
    email.setValue(address);
    email.setType("work");
    email.setPrimary(true);
    Name name = new Name();
    name.setGivenName(given);
    name.setFamilyName("Family");
    ScimUser user = new ScimUser();
    user.setUserName(address);
    user.setName(name);
    user.setDisplayName(given + " Family");
    user.setEmails(List.of(email));
    user.setActive(true);
    return user;
  }

  static ScimUser created() throws Exception {
    return Server.send("POST", "/Users", user()).want(201).as(ScimUser.class);
  }
}
