//! Objects in S3: framed, S3EC, documents; whole, in ranges, streamed and in parts.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use futures_util::TryStreamExt as _;
use futures_util::stream;
use privet::keyring::S3ecKeyring;
use privet::s3::{Bucket, BucketBuilder, DocumentFormat, Error, ObjectFormat, SendProtected as _};
use privet::{Classification, EncryptionContext, Principal};
use privet_testkit::{Deny, Fault};

use crate::common::{REGION, SECRETS, Site};
use crate::{PAIR, Said, protector};

/// What objects hold, longer than a part.
fn content() -> Vec<u8> {
    SECRETS.join(", ").repeat(60_000).into_bytes()
}

fn pieces(bytes: &[u8]) -> impl futures_util::Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static {
    stream::iter(bytes.chunks(700_000).map(|piece| Ok(piece.to_vec())).collect::<Vec<_>>())
}

async fn everything(said: &mut Said, bucket: &Bucket, s3: &Client) -> Result<(), Error> {
    let small = SECRETS.join("; ").into_bytes();
    said.shows(bucket);
    said.shows(&bucket.put("small", small.clone()).await?);
    said.shows(&bucket.put_stream("large", pieces(&content())).await?);
    let object = bucket.get("small").await?;
    said.shows(&object);
    for key in ["small", "large"] {
        said.shows(&bucket.head(key).await?);
        let stream = bucket.get_stream(key).await?.expect("it was put");
        said.shows(&stream);
        stream.try_collect::<Vec<_>>().await?;
        if let Some(reader) = bucket.open(key).await? {
            said.shows(&reader);
            reader.read(3..20).await?;
        }
        bucket.get_range(key, 1..9).await?;
    }
    bucket.get_parallel("large").await?.expect("it was put").try_collect::<Vec<_>>().await?;
    said.shows(&bucket.list_with_lengths("", None).await?);
    bucket.copy("small", "copy").await?;
    bucket.rewrite("copy").await?;
    let put = s3.put_object().bucket(bucket.name()).key("sdk").body(ByteStream::from(small));
    put.send_protected(bucket).await?;
    s3.get_object().bucket(bucket.name()).key("sdk").send_protected(bucket).await?;
    bucket.delete("copy").await?;
    Ok(())
}

async fn documents(said: &mut Said, bucket: &Bucket) -> Result<(), Error> {
    let lines =
        format!("{{\"id\":\"1\",\"email\":\"{}\"}}\n{{\"id\":\"2\",\"email\":\"{}\"}}\n", SECRETS[0], SECRETS[3]);
    let csv = format!("id,email\n1,{}\n2,\"{}\"\n", SECRETS[0], SECRETS[3]);
    for (format, text) in [(DocumentFormat::JsonLines, lines), (DocumentFormat::Csv, csv)] {
        let documents = bucket.documents(format)?;
        said.shows(&documents);
        documents.put_stream("people", pieces(text.as_bytes())).await?;
        let records = documents.records("people").await?.expect("it was put");
        said.shows(&records);
        for record in records.try_collect::<Vec<_>>().await? {
            said.shows(&record);
        }
        let view = documents.view("people", &Principal::new(SECRETS[0])).await?.expect("it was put");
        said.shows(&view);
        said.shows(&view.try_collect::<Vec<_>>().await?);
        // What is no document, with secrets in it.
        for text in [SECRETS[3].to_owned(), format!("\"{}", SECRETS[0]), format!("a,a\n{}", SECRETS[0])] {
            let broken = pieces(format!("{{\"id\":\"1\"}}\n{text}\n{text},{text}").as_bytes());
            said.fails(documents.put_stream("broken", broken).await);
        }
    }
    Ok(())
}

/// Objects that were changed, and such as nobody wrote here.
async fn damaged(said: &mut Said, bucket: &Bucket, s3: &Client) {
    let got = s3.get_object().bucket(bucket.name()).key("small").send().await.unwrap();
    let metadata = got.metadata().cloned();
    let body = got.body.collect().await.unwrap().to_vec();
    for at in [0, 1, body.len() / 3, body.len() / 2, body.len() - 1] {
        let mut body = body.clone();
        body[at] ^= 1;
        let put = s3.put_object().bucket(bucket.name()).key("damaged").set_metadata(metadata.clone());
        put.body(body.into()).send().await.unwrap();
        said.fails(bucket.get("damaged").await);
        if let Ok(Some(stream)) = bucket.get_stream("damaged").await {
            said.may_fail(stream.try_collect::<Vec<_>>().await);
        }
    }
    for (name, value) in metadata.clone().unwrap_or_default() {
        let mut metadata = metadata.clone().unwrap_or_default();
        metadata.insert(name, format!("{value}x"));
        let put = s3.put_object().bucket(bucket.name()).key("damaged").set_metadata(Some(metadata));
        put.body(body.clone().into()).send().await.unwrap();
        said.may_fail(bucket.get("damaged").await);
    }
    let clear = s3.put_object().bucket(bucket.name()).key("clear").body(SECRETS[3].as_bytes().to_vec().into());
    clear.send().await.unwrap();
    said.fails(bucket.get("clear").await);
    let reserved = s3.put_object().bucket(bucket.name()).key("k").metadata("privet-object", "x");
    said.fails(reserved.body(ByteStream::from_static(b"x")).send_protected(bucket).await);
}

/// On a stack of its own: in a debug build so many futures in one function need more than a test has.
#[test]
fn objects_of_every_format_say_nothing() {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(all_formats());
    };
    std::thread::Builder::new().stack_size(16 << 20).spawn(run).unwrap().join().unwrap();
}

async fn all_formats() {
    for format in [ObjectFormat::Framed, ObjectFormat::S3ec] {
        // The metadata of S3EC objects hold the context in clear, by their format.
        let mut said = if format == ObjectFormat::S3ec { Said::listen_to_own() } else { Said::listen() };
        let site = Site::start().await;
        site.aws.create_bucket("documents").await;
        let s3 = Client::new(&site.aws.config(REGION).await);
        let policy =
            "version = 1\n[[rules]]\nclass = \"public\"\nnames = [\"id\"]\n[resources.documents]\nkey = [\"id\"]";
        let privet = protector(&site, policy).await;
        let builder: BucketBuilder = Bucket::builder("documents").class(Classification::Pii).resource("documents");
        let builder = match format {
            ObjectFormat::S3ec => {
                let keyring = S3ecKeyring::kms(site.keyring("service").await);
                said.shows(&keyring);
                builder.s3ec(keyring).s3ec_context(EncryptionContext::new().with("department", PAIR)).format(format)
            }
            _ => builder.format(format),
        };
        let builder = builder.part_size(5 * 1024 * 1024);
        said.shows(&builder);
        let bucket = builder.build(&privet, &s3).unwrap();
        if let Err(error) = everything(&mut said, &bucket, &s3).await {
            panic!("{format:?}: {error} {error:?}");
        }
        documents(&mut said, &bucket).await.unwrap();
        damaged(&mut said, &bucket, &s3).await;
        for service in ["kms", "s3"] {
            for fault in [Fault::on(service, "*").reset(), Fault::on(service, "*").status(503)] {
                site.aws.clear_faults();
                site.aws.fault(fault);
                privet.purge();
                // Some of it goes without KMS.
                said.may_fail(bucket.get("small").await);
                said.fails(bucket.put("other", SECRETS[0]).await);
                said.fails(bucket.put_stream("other", pieces(&content())).await);
            }
        }
        site.aws.clear_faults();
        site.aws.deny(Deny::everyone());
        privet.purge();
        said.fails(bucket.get("small").await);
        said.fails(bucket.put("other", SECRETS[0]).await);
        said.holds_none_of(&[], 20);
    }
}
