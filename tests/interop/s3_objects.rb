# AWS's S3 encryption client in Ruby against privet, over one simulated AWS: each side writes objects of format V2, the other
# side reads all of them. Arguments: the program `s3_peer`, the endpoint, the ARN of a KMS key, the bucket.

require "aws-sdk-kms"
require "aws-sdk-s3"
require "base64"
require "json"
require "open3"
require "openssl"

PROGRAM, ENDPOINT, ARN, BUCKET = ARGV
PLACE = {
  endpoint: ENDPOINT, region: "eu-west-1", credentials: Aws::Credentials.new("x", "x")
}.freeze
KMS = Aws::KMS::Client.new(**PLACE)
S3 = Aws::S3::Client.new(force_path_style: true, **PLACE)
AES = "\x07" * 32
RSA = OpenSSL::PKey::RSA.new(2048)

# The client for a way of wrapping keys, and for a place of the wrapped key. Debian's KMS client is older than its S3 client, and
# does not know that `Decrypt` takes a key: so it reads with any.
def client(wrapping, storage, reads: false)
  key, schema = {
    "kms" => [{ kms_key_id: reads ? :kms_allow_decrypt_with_any_cmk : ARN, kms_client: KMS }, :kms_context],
    "aes" => [{ encryption_key: AES }, :aes_gcm],
    "rsa" => [{ encryption_key: RSA }, :rsa_oaep_sha1]
  }.fetch(wrapping)
  Aws::S3::EncryptionV2::Client.new(
    client: S3, key_wrap_schema: schema, content_encryption_schema: :aes_gcm_no_padding,
    security_profile: :v2, envelope_location: storage, **key
  )
end

def context(wrapping, pairs)
  wrapping == "kms" && !pairs.empty? ? { kms_encryption_context: pairs } : {}
end

def write
  %w[kms aes rsa].product(%i[metadata instruction_file], [{}, { "department" => "finance" }]).flat_map do |wrapping, storage, pairs|
    next [] unless wrapping == "kms" || pairs.empty?

    [0, 1, 16, 1000, 100_000].map do |length|
      key = "ruby/#{wrapping}-#{storage}-#{pairs.size}-#{length}"
      content = Random.bytes(length)
      client(wrapping, storage).put_object(
        bucket: BUCKET, key: key, body: content, metadata: { "owner" => "alice" }, **context(wrapping, pairs)
      )
      { key: key, context: pairs, version: "v2", wrapping: wrapping, content: Base64.strict_encode64(content) }
    end
  end
end

def read(objects)
  objects.each do |object|
    wrapping, key = object.values_at("wrapping", "key")
    # The client must be told that a key is in an instruction file.
    storage = key.include?("-true-") ? :instruction_file : :metadata
    got = client(wrapping, storage, reads: true).get_object(bucket: BUCKET, key: key, **context(wrapping, object["context"]))
    raise "#{key}: another content" unless got.body.read.b == Base64.strict_decode64(object["content"])
  end
end

def privet(mode, input = nil)
  environment = { "PRIVET_PEER_RSA" => RSA.to_pem, "PRIVET_PEER_AES" => AES.unpack1("H*") }
  out, status = Open3.capture2(environment, PROGRAM, mode, ENDPOINT, ARN, BUCKET, stdin_data: input.to_s)
  raise "privet failed" unless status.success?

  out
end

written = JSON.parse(privet("write-v2"))
read(written)
puts "the Ruby client read #{written.size} objects of privet"
puts privet("read", JSON.generate(write))
