// The version of the SDK; AuroraPush.podspec has it too, and a test compares them.
#define AURVersion @"1.0.0"
