class Embscope < Formula
  desc "Microscope for the vectors inside language models"
  homepage "@HOME@"
  url "@HOME@/releases/download/v@VERSION@/embscope-@VERSION@-source.tar.gz"
  sha256 "@SHA256_SOURCE@"
  license "Apache-2.0"

  depends_on "cmake" => :build
  depends_on "ninja" => :build
  depends_on "pkgconf" => :build
  depends_on "boost"
  depends_on "cli11"
  depends_on "fmt"
  depends_on "highway"
  depends_on "libpng"
  depends_on "oniguruma"
  depends_on "utf8proc"

  uses_from_macos "curl"

  on_linux do
    depends_on "openssl@3"
    depends_on "zlib"
  end

  def install
    system "cmake", "-S", ".", "-B", "build", "-G", "Ninja", "-DEMBSCOPE_TESTS=OFF", *std_cmake_args
    system "cmake", "--build", "build", "--target", "embscope_cli"
    bin.install "build/embscope"
    generate_completions_from_executable(bin/"embscope", "completion")
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/embscope --version")
    assert_match "instruction sets", shell_output("#{bin}/embscope doctor")
  end
end
