//! Typed tables, views and what a protector says of itself.

use privet::dynamodb::Tables;
use privet::value::Value;
use privet::{Principal, Secret};
use privet_testkit::{Deny, Fault};

use crate::common::{Customer, SECRETS, Site, ada};
use crate::{KEY, Said, protector, raw};

#[tokio::test]
async fn typed_tables_say_nothing() {
    let mut said = Said::listen();
    let site = Site::start().await;
    let builder = site.builder().await.keyring(raw()).context("department", crate::PAIR);
    said.shows(&builder.pseudonym_key(Secret::copy_of(&KEY)));
    let privet = protector(&site, "version = 1").await;

    let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
    customers.put(&ada()).await.unwrap();
    said.shows(&privet);
    said.shows(&privet.statistics());
    said.shows(&privet.model::<Customer>().unwrap());
    said.shows(&customers);
    said.shows(&ada());
    said.shows(&customers.open("c-1").await.unwrap().unwrap());
    for role in ["admin", "manager", "viewer"] {
        let principal = Principal::new(SECRETS[0]).role(role);
        said.shows(&principal);
        said.shows(&customers.get_as("c-1", &Principal::new("u-1").role(role)).await.unwrap().unwrap());
    }
    said.shows(&Secret::copy_of(&KEY));

    let read = customers.read("c-1").await.unwrap().unwrap();
    said.shows(&read);
    let other = "another@example.com".to_owned();
    customers.update("c-1").set(Customer::email(), &other).send().await.unwrap();
    said.fails(customers.replace(&read, &ada()).await);
    said.fails(customers.delete_read(&read).await);
    customers.modify("c-1", |customer| customer.email = SECRETS[0].into()).await.unwrap();
    assert_eq!(customers.query("c-1").all().await.unwrap().len() + customers.scan().all().await.unwrap().len(), 2);
    customers.put_many(&[ada()]).await.unwrap();
    customers.get_many(["c-1"]).await.unwrap();
    said.fails(customers.transact().put_new(&ada()).send().await);

    // Everything that can go wrong.
    said.fails(customers.put_new(&ada()).await);
    said.fails(customers.get(7).await);
    let large = Customer { email: SECRETS[0].repeat(40_000), ..ada() };
    said.fails(customers.put(&large).await);
    said.fails(customers.update("c-1").set(Customer::email(), &large.email).send().await);
    let mut damaged = privet.protect(&ada()).await.unwrap();
    for name in ["privet", "email"] {
        let Some(Value::B(bytes)) = damaged.get_mut(name) else { panic!("{name} is not there") };
        *bytes.last_mut().unwrap() ^= 1;
        said.fails(privet.unprotect::<Customer>(damaged.clone()).await);
    }
    // What is read is of another shape than the model.
    let other = privet.resource("customers").unwrap();
    let odd = [("id".to_owned(), Value::S("c-2".into())), ("age".to_owned(), Value::S(SECRETS[3].into()))];
    let odd = privet.protect_record(&other, odd.into()).await.unwrap();
    said.fails(privet.unprotect::<Customer>(odd).await);
    said.fails(
        privet.for_tenant("another").unwrap().unprotect::<Customer>(privet.protect(&ada()).await.unwrap()).await,
    );
    for fault in [
        Fault::on("kms", "*").error("ThrottlingException"),
        Fault::on("kms", "*").error("DisabledException"),
        Fault::on("kms", "*").reset(),
        Fault::on("kms", "*").status(500),
        Fault::on("dynamodb", "*").error("ValidationException"),
        Fault::on("dynamodb", "*").reset(),
    ] {
        site.aws.clear_faults();
        site.aws.fault(fault);
        privet.purge();
        said.fails(customers.put(&ada()).await);
        // It may do with keys that it can unwrap without KMS.
        said.may_fail(customers.update("c-1").set(Customer::email(), &ada().email).send().await);
    }
    site.aws.clear_faults();
    site.aws.deny(Deny::everyone().service("kms"));
    privet.purge();
    said.fails(customers.put(&ada()).await);
    assert!(String::from_utf8_lossy(&said.log.lines.lock().unwrap()).contains("privet::audit"), "nothing was recorded");
    said.holds_none_of(&[], 18);
}
